// The folder that `prepare` writes: OUT.tmp, which becomes OUT when all is well and otherwise
// disappears. Nothing that is not recognisably a prepared data set, or a piece of one, is ever
// removed.
#pragma once

#include <filesystem>

namespace chorale {

class Staging {
 public:
  // `out`: an absolute path without a final slash. Throws Error if it, or what a killed run may
  // have left beside it, cannot be replaced; nothing is touched yet.
  Staging(std::filesystem::path out, bool force);
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging();

  const std::filesystem::path& folder() const { return tmp_; }
  void create();   // empty, and the folders above it
  void publish();  // syncs the folder and gives it its name

 private:
  std::filesystem::path out_, tmp_, old_;
  bool done_ = true;
};

}  // namespace chorale
