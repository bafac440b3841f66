#include "tests/gpu/pinned_memory.h"

#include <cuda_runtime.h>

#include "kernels/check.h"

namespace chorale::test {
namespace {

class PinnedMemory final : public std::pmr::memory_resource {
  // Pages, so it is aligned for everything.
  void* do_allocate(std::size_t bytes, std::size_t) override {
    void* memory = nullptr;
    const cudaError_t code = cudaHostAlloc(&memory, bytes, cudaHostAllocMapped);
    require(code == cudaSuccess, "cudaHostAlloc: {}", cudaGetErrorString(code));
    return memory;
  }
  void do_deallocate(void* memory, std::size_t, std::size_t) override { cudaFreeHost(memory); }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

}  // namespace

std::unique_ptr<std::pmr::memory_resource> make_pinned_memory() {
  return std::make_unique<PinnedMemory>();
}

}  // namespace chorale::test
