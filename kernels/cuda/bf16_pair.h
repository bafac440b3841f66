// Numbers in bf16 on a GPU, alone and two in a word.
#pragma once

#include <simt.h>

#include <bit>
#include <cstdint>

#include "kernels/view.h"

namespace chorale::cuda {

__device__ inline float low_bf16(std::uint32_t pair) { return std::bit_cast<float>(pair << 16); }
__device__ inline float high_bf16(std::uint32_t pair) {
  return std::bit_cast<float>(pair & 0xffff0000u);
}

__device__ inline float widen(Bf16 x) { return low_bf16(x.bits); }
__device__ inline Bf16 round_to_bf16(float x) {
  return {static_cast<std::uint16_t>(pack_bf16(x, 0) & 0xffffu)};
}

}  // namespace chorale::cuda
