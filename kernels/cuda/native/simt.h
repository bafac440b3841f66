// What kernels need of the machine: launching, shared memory of a size known at launch, and matrix
// units. Two headers have this name: this one for nvcc, and the one in tests/kernels/emulated,
// which runs the same sources on the host.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/queue.h"
#include "kernels/view.h"

namespace chorale::cuda {

// Enqueues a kernel; a launch without blocks is none.
template <class... Parameters, class... Arguments>
void launch(Queue& queue, const Shape& shape, void (*kernel)(Parameters...),
            const Arguments&... arguments) {
  if (shape.blocks == 0 || shape.blocks_y == 0) return;
  [&](const Parameters&... as_declared) {
    const Argument all[] = {{&as_declared, sizeof(Parameters)}...};
    queue.enqueue(reinterpret_cast<const void*>(kernel), shape, all);
  }(Parameters(arguments)...);
}

// The block's shared memory of the launch, aligned to 16 bytes.
__device__ inline unsigned char* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char memory[];
  return memory;
}

// Copies kBytes (4 or 16) from device to shared memory behind the thread's back; what lies behind
// the first `valid` bytes becomes zero. Both addresses are multiples of kBytes. The copies since
// the last close_copies are a group. A thread sees its own copies once it has waited for them, the
// block sees them after a barrier behind that.
template <int kBytes>
__device__ inline void copy_async(void* shared, const void* from, int valid) {
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  if constexpr (kBytes == 16) {  // past the first cache: a block reads a number once
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(to), "l"(__cvta_generic_to_global(from)), "r"(valid)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;"
                 :
                 : "r"(to), "l"(__cvta_generic_to_global(from)), "n"(kBytes), "r"(valid)
                 : "memory");
  }
}

// Until all copies of this thread are done.
__device__ inline void wait_for_copies() { asm volatile("cp.async.wait_all;" : : : "memory"); }

// Writes 2 or 4 neighbouring numbers at once; `to` is a multiple of their size. Where the compiler
// sees that it could write them one by one, it does.
__device__ inline void store_at_once(float* to, const float (&x)[2]) {
  asm volatile("st.global.v2.f32 [%0], {%1, %2};" : : "l"(to), "f"(x[0]), "f"(x[1]) : "memory");
}
__device__ inline void store_at_once(float* to, const float (&x)[4]) {
  asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};"
               :
               : "l"(to), "f"(x[0]), "f"(x[1]), "f"(x[2]), "f"(x[3])
               : "memory");
}

// Two numbers rounded to bf16 (to nearest, ties to even); `low` in the low half.
__device__ inline std::uint32_t pack_bf16(float low, float high) {
  std::uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

// 2^x with a relative error of about 2^-22.
__device__ inline float exp2_approximately(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// c:(16,8) += a:(16,16) b:(16,8), all of a warp; a and b in bf16 pairs, c in fp32. With g = lane /
// 4 and t = lane % 4 a thread holds
//   a[0] = a(g, 2t..), a[1] = a(g + 8, 2t..), a[2] = a(g, 2t + 8..), a[3] = a(g + 8, 2t + 8..)
//   b[0] = b(2t.., g), b[1] = b(2t + 8.., g)
//   c[0..1] = c(g, 2t..), c[2..3] = c(g + 8, 2t..)
__device__ inline void multiply_tile(float (&c)[4], const std::uint32_t (&a)[4],
                                     const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four 8 x 8 matrices of 16-bit numbers from shared memory. Lane l brings the address of row l % 8
// of matrix l / 8, 16 bytes and aligned to them, and gets in word[q] elements (g, 2t..) of matrix
// q; transposed, its elements (2t.., g). g and t as in multiply_tile.
__device__ inline void load_matrices(std::uint32_t (&word)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]), "=r"(word[3])
               : "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(row))));
}
__device__ inline void load_matrices_transposed(std::uint32_t (&word)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]), "=r"(word[3])
               : "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(row))));
}

__device__ inline void close_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Until at most the last so many groups are under way.
template <int kGroups>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
}

}  // namespace chorale::cuda
