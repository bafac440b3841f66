// A place in host memory to which a device copies later than it is asked, so that the host does not
// wait for what it wants to know only in a while: the loss of a step.
#pragma once

#include <cstddef>
#include <span>

namespace chorale {

class Landing {
 public:
  virtual ~Landing() = default;

  // Enqueues a copy from device memory; what was here before is lost.
  virtual void fetch(const void* from, std::size_t bytes) = 0;
  // What was fetched last: waits for that, and for nothing that was enqueued behind it.
  virtual std::span<const std::byte> arrived() = 0;
};

}  // namespace chorale
