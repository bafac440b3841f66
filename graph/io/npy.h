// Reads NumPy's .npy format, versions 1 to 3: two-dimensional little-endian floating-point arrays,
// in C or in Fortran order. Everything else is refused, object arrays (pickle) first.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "kernels/view.h"

namespace chorale {

// Row-major.
struct NpyArray {
  Index rows = 0;
  Index cols = 0;
  std::vector<float> values;
  std::span<const float> row(Index i) const {
    return std::span(values).subspan(static_cast<std::size_t>(i * cols),
                                     static_cast<std::size_t>(cols));
  }
};

// f2 and f4 are taken as they are, f8 is rounded; NaN and infinity stay what they are. Throws Error
// (Exit::data) naming file, found and expected, also for a f8 too large for f4.
NpyArray read_npy(const std::filesystem::path& path);

}  // namespace chorale
