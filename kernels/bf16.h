// Rounding to bf16 and back: what every backend must do, bit for bit.
#pragma once

#include <bit>
#include <cmath>

#include "kernels/view.h"

namespace chorale {

// To nearest, ties to even. A NaN stays one. A double becomes a float first.
inline Bf16 round_to_bf16(Real x) {
  const auto f = static_cast<float>(x);
  const auto bits = std::bit_cast<std::uint32_t>(f);
  constexpr std::uint32_t kQuiet = 0x40;
  if (std::isnan(f)) return {static_cast<std::uint16_t>(bits >> 16 | kQuiet)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}

inline Real widen(Bf16 x) {
  return static_cast<Real>(std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16));
}

}  // namespace chorale
