// NumPy's .npy format, version 1, for what is exported: two-dimensional float32 arrays in C order.
// The reader takes exactly what the writer and numpy.save write and refuses everything else, object
// arrays (pickle) first.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "kernels/view.h"

namespace chorale {

// Writes row by row, so that the array never has to be in memory. Throws Error (Exit::io) naming
// path and cause; a file that was not finished is removed.
class NpyWriter {
 public:
  NpyWriter(std::filesystem::path path, Index rows, Index cols);
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;
  ~NpyWriter();

  void append(std::span<const float> values);  // the next values in row-major order
  void finish();                               // syncs to disk; all rows must have been appended

 private:
  std::filesystem::path path_;
  Index left_;  // values still to come
  int descriptor_ = -1;
};

struct NpyArray {
  Index rows = 0;
  Index cols = 0;
  std::vector<float> values;
  std::span<const float> row(Index i) const {
    return std::span(values).subspan(static_cast<std::size_t>(i * cols),
                                     static_cast<std::size_t>(cols));
  }
};

// Throws Error (Exit::data) naming file, byte, found and expected.
NpyArray read_npy(const std::filesystem::path& path);

}  // namespace chorale
