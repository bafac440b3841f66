// Tests on real GPUs are skipped, and say so, where there are too few.
#pragma once

#include <fmt/core.h>

#include <boost/test/unit_test.hpp>
#include <memory>

#include "kernels/device.h"

namespace chorale::test {

// True if this machine has so many. ctest knows a skipped test by these words.
inline bool has_gpus(int wanted) {
  const int found = count_gpus();
  if (found >= wanted) return true;
  if (found == 0) {
    fmt::print("skipped: no GPU\n");
  } else {
    fmt::print("skipped: {} GPUs are needed, {} found\n", wanted, found);
  }
  return false;
}

inline std::unique_ptr<Device> make_gpu(int ordinal) {
  return make_device({.kind = DeviceKind::cuda, .ordinal = ordinal});
}

// The precondition of a suite.
inline boost::test_tools::assertion_result has_gpu(boost::unit_test::test_unit_id) {
  return has_gpus(1);
}

}  // namespace chorale::test
