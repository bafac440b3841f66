// What tests ask of the GPU that tests/emulated_gpu/cuda_runtime.h stands for; of this thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

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

// What stands in for cuSPARSE: whether it takes matrices without ghosts, and how many products it
// has enqueued.
struct GpuLibrary {
  bool takes = false;
  std::uint64_t products = 0;
};
GpuLibrary& gpu_library();

// What lies between two events, in milliseconds, the next one first; 1 when there are none left.
std::deque<float>& gpu_times();

// How much memory it has from now on.
void set_gpu_memory(std::size_t bytes);
// Whether its driver is installed from now on.
void set_gpu_driver(bool is_there);
// Whether devices made from now on do what runs aside as early as they may; otherwise as late.
void hurry_aside(bool hurries);

}  // namespace chorale::test
