// Writes NumPy's .npy format, version 1: two-dimensional float32 arrays in C order. Reading is in
// npy.h.
#pragma once

#include <filesystem>
#include <span>

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

}  // namespace chorale
