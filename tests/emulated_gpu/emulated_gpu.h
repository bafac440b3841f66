// What tests ask of the GPU that tests/emulated_gpu/cuda_runtime.h stands for; of this thread's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chorale::test {

struct GpuCounts {
  std::uint64_t allocations = 0;
  std::uint64_t waits = 0;     // of the host, for the GPU
  std::uint64_t launches = 0;  // of kernels, one by one
  std::uint64_t copies = 0;    // one by one
  std::uint64_t graphs = 0;    // made
  std::uint64_t replayed = 0;  // graphs launched
  std::uint64_t replaced = 0;  // nodes of graphs, with other arguments
};
GpuCounts& gpu_counts();

// How much memory it has from now on.
void set_gpu_memory(std::size_t bytes);
// Whether devices made from now on do what runs aside as early as they may; otherwise as late.
void hurry_aside(bool hurries);

}  // namespace chorale::test
