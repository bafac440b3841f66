// The queue of a GPU that is the host.
#pragma once

#include <vector>

#include "kernels/cuda/queue.h"

namespace chorale::test {

class HostQueue final : public cuda::Queue {
 public:
  void* stream() const override { return nullptr; }
  int processors() const override { return 2; }
  void* scratch(std::size_t bytes) override {
    scratch_.assign(bytes, 0xff);  // not a number
    return scratch_.data();
  }

 private:
  std::vector<unsigned char> scratch_;
};

}  // namespace chorale::test
