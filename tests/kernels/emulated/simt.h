// The host's twin of kernels/cuda/native/simt.h: runs a kernel thread by thread, so that the
// sources of the CUDA kernels are tested where there is no GPU.
//
// A block's threads are fibers that run until they wait for one another. What a GPU would leave
// undefined is an error here: a collective that not all threads of a warp (or a block) reach. A
// race shows when the same launch is run in both orders of threads and blocks and gives different
// bits. The words __global__, __device__, __shared__ and the like are given meaning by the build
// (tests/CMakeLists.txt): a shared array is one array, since blocks run one after another.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "kernels/cuda/queue.h"
#include "kernels/view.h"

namespace chorale::cuda {

enum class Order { ascending, descending };  // of the threads of a block and the blocks of a grid
void set_order(Order order);

// Runs a kernel that some `launch` has enqueued.
void run_kernel(const void* kernel, const Shape& shape, void* const* arguments);

// How the host calls kernels of one signature, and the bytes of each of their arguments.
struct Signature {
  void (*call)(const void* kernel, void* const* arguments);
  std::span<const std::size_t> bytes;
};
void register_kernel(const void* kernel, Signature signature);
Signature signature_of(const void* kernel);

template <class... Parameters, class... Arguments>
void launch(Queue& queue, const Shape& shape, void (*kernel)(Parameters...),
            const Arguments&... arguments) {
  if (shape.blocks == 0 || shape.blocks_y == 0) return;
  const auto* name = reinterpret_cast<const void*>(kernel);
  const auto call = [](const void* called, void* const* all) {
    [&]<std::size_t... i>(std::index_sequence<i...>) {
      reinterpret_cast<void (*)(Parameters...)>(const_cast<void*>(called))(
          *static_cast<const Parameters*>(all[i])...);
    }
    (std::index_sequence_for<Parameters...>());
  };
  static constexpr std::size_t kBytes[] = {sizeof(Parameters)...};
  register_kernel(name, {call, kBytes});
  [&](const Parameters&... as_declared) {
    const Argument all[] = {{&as_declared, sizeof(Parameters)}...};
    queue.enqueue(name, shape, all);
  }(Parameters(arguments)...);
}

unsigned char* dynamic_shared();
void require_aligned(const void* address, std::size_t bytes);

// Done at once in one order of threads, by wait_for_copies() in the other: what is read or
// overwritten too early gives two results.
void copy_async(void* shared, const void* from, int bytes, int valid);
template <int kBytes>
void copy_async(void* shared, const void* from, int valid) {
  copy_async(shared, from, kBytes, valid);
}
void close_copies();
void wait_for_copies();
void wait_for_copies(int groups);
template <int kGroups>
void wait_for_copies() {
  wait_for_copies(kGroups);
}

template <int kWidth>
void store_at_once(float* to, const float (&x)[kWidth]) {
  require_aligned(to, sizeof(x));
  std::memcpy(to, x, sizeof(x));
}

std::uint32_t pack_bf16(float low, float high);
inline float exp2_approximately(float x) { return std::exp2(x); }
void multiply_tile(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]);
void load_matrices(std::uint32_t (&word)[4], const void* row);
void load_matrices_transposed(std::uint32_t (&word)[4], const void* row);

// The value that the thread of this lane of the warp brings.
std::uint64_t exchange(std::uint64_t mine, int lane);
void wait_for_warp();
void wait_for_block();
void require_whole_warp(unsigned mask);

}  // namespace chorale::cuda

// --- the names that CUDA gives ---

struct EmulatedIndex {
  unsigned x = 0, y = 0;
};
extern thread_local EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

inline void __syncthreads() { chorale::cuda::wait_for_block(); }
inline void __syncwarp() { chorale::cuda::wait_for_warp(); }

// The number that the thread of another lane brings. Masks are whole warps: see simt.cpp.
template <class T>
T __shfl_sync(unsigned mask, T value, int lane) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  chorale::cuda::require_whole_warp(mask);
  std::uint64_t word = 0;
  std::memcpy(&word, &value, sizeof(T));
  word = chorale::cuda::exchange(word, lane);
  std::memcpy(&value, &word, sizeof(T));
  return value;
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes) {
  return __shfl_sync(mask, value, static_cast<int>(threadIdx.x % 32) ^ lanes);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int lanes) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  return __shfl_sync(mask, value, lane + lanes < 32 ? lane + lanes : lane);
}
unsigned __ballot_sync(unsigned mask, int holds);

template <class T>
T __ldg(const T* place) {
  return *place;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
