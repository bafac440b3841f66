// Memory of a device that is made of host memory: nobody can read or write it while it is closed.
#pragma once

#include <cstddef>
#include <map>

namespace chorale::test {

constexpr int kPoison = 0xff;  // makes every Real a NaN and every index -1

// Blocks of one range of addresses, found by first fit.
class ClosedRegion {
 public:
  ClosedRegion();
  ClosedRegion(const ClosedRegion&) = delete;
  ClosedRegion& operator=(const ClosedRegion&) = delete;
  ~ClosedRegion();

  void* take(std::size_t bytes);  // aligned to 64 bytes
  void give_back(void* memory, std::size_t bytes);

  // Open for as long as it lives.
  class Opened {
   public:
    explicit Opened(const ClosedRegion& region);
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
    ~Opened();

   private:
    const ClosedRegion& region_;
  };

 private:
  void protect(int how) const;

  std::byte* base_;
  std::map<std::size_t, std::size_t> free_;  // offset to size; neighbours are merged
  std::size_t used_ = 0;                     // how far blocks have ever reached
};

}  // namespace chorale::test
