// A device as far away as a GPU, made of host memory: the host can neither read nor write its
// memory, and what is enqueued is done as late as kernels/device.h allows, when the host waits.
// Host code that touches device memory dies of a segmentation fault; code that does not wait, or
// lets go of what was enqueued by reference, gets wrong numbers. Fresh and released memory is
// filled with NaN.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/device.h"

namespace chorale::test {

// To be used by one thread at a time; several devices may be used at once.
class ForeignDevice : public Device {
 public:
  virtual std::uint64_t waits() const = 0;  // how often the host has waited for it
};

std::unique_ptr<ForeignDevice> make_foreign_device();

}  // namespace chorale::test
