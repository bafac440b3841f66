// A queue whose kernels have run when launch() returns, with scratch memory that is poisoned anew
// at each call.
#pragma once

#include <array>
#include <vector>

#include "kernels/cuda/queue.h"
#include "tests/kernels/emulated/simt.h"

namespace chorale::test {

class HostQueue final : public cuda::Queue {
 public:
  explicit HostQueue(int processors = 2) : processors_(processors) {}

  void enqueue(const void* kernel, const cuda::Shape& shape,
               std::span<const cuda::Argument> arguments) override {
    std::vector<void*> addresses;
    for (const cuda::Argument& a : arguments) addresses.push_back(const_cast<void*>(a.at));
    cuda::run_kernel(kernel, shape, addresses.data());
  }
  void* stream() override { return nullptr; }
  int processors() const override { return processors_; }
  void* scratch(std::size_t bytes, Scratch kind) override {
    std::vector<unsigned char>& memory = scratch_[static_cast<std::size_t>(kind)];
    memory.assign(bytes, 0xff);  // not a number
    return memory.data();
  }

 private:
  int processors_;
  std::array<std::vector<unsigned char>, 2> scratch_;
};

}  // namespace chorale::test
