// Vector code: kernels that draw random numbers, a vector of Philox counters at a time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_random.cpp"
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"
#include "kernels/random.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
#include "kernels/cpu/simd_words.inl"
namespace chorale::simd::HWY_NAMESPACE {

void dropout_impl(const DropoutMask& mask, const Index* global_row, ConstView x, View y, bool add) {
  const RandomKey key{Purpose::dropout, mask.seed};
  const std::uint64_t step = dropout_step(mask.step, mask.op);
  const std::uint32_t threshold = dropout_threshold(static_cast<double>(mask.rate));
  const Real kept = Real(1) / (Real(1) - mask.rate);
  for (Index i = 0; i < y.rows; ++i) {
    each_words(key, step, global_row[i], y.cols,
               [&](Index j, Index count, const std::uint32_t* words) HWY_ATTR {
                 const Real* from = x.row(i) + j;
                 Real* to = y.row(i) + j;
                 for (Index c = 0; c < count; ++c) {
                   const Real v = from[c] * (words[c] < threshold ? Real(0) : kept);
                   to[c] = add ? to[c] + v : v;
                 }
               });
  }
}

void drop_rows_impl(const DropoutMask& mask, const Index* global_row, ConstView x, View y,
                    bool add) {
  const RandomKey key{Purpose::dropout, mask.seed};
  const std::uint64_t step = dropout_step(mask.step, mask.op);
  const std::uint32_t threshold = dropout_threshold(static_cast<double>(mask.rate));
  const Vec kept = hn::Set(Tag(), Real(1) / (Real(1) - mask.rate)), zero = hn::Zero(Tag());
  for (Index i = 0; i < y.rows; ++i) {
    const RandomBits bits = random_bits(key, step, dropout_index(global_row[i], 0));
    const bool dropped = bits.word[0] < threshold;
    const Real* from = x.row(i);
    Real* to = y.row(i);
    if (dropped && add) continue;
    each_vector(Tag(), y.cols, [&](auto at, Index j) HWY_ATTR {
      const Vec v = dropped ? zero : hn::Mul(kept, at.load(from + j));
      at.store(add ? hn::Add(at.load(to + j), v) : v, to + j);
    });
  }
}

void add_noise_impl(const Noise& noise, const Index* global_row, ConstView x, View y) {
  const RandomKey key{Purpose::noise, noise.seed};
  const std::uint64_t step = dropout_step(noise.step, noise.op);
  const Vec sign_bit = hn::SignBit(Tag()), zero = hn::Zero(Tag());
  for (Index i = 0; i < y.rows; ++i) {
    const Real* from = x.row(i);
    Real* to = y.row(i);
    each_words(key, step, global_row[i], y.cols,
               [&](Index j, Index count, const std::uint32_t* words) HWY_ATTR {
                 for (Index c = 0; c < count; ++c) to[j + c] = uniform_of_word(words[c]);
               });
    const double norm = std::sqrt(static_cast<double>(dot(to, to, y.cols)));
    const double factor = static_cast<double>(noise.length) / std::max(norm, 1e-12);
    const Vec scale = hn::Set(Tag(), static_cast<Real>(factor));
    each_vector(Tag(), y.cols, [&](auto at, Index j) HWY_ATTR {
      const Vec v = at.load(from + j);
      const Vec outward = hn::Xor(hn::Mul(scale, at.load(to + j)), hn::And(v, sign_bit));
      at.store(hn::Add(v, hn::IfThenZeroElse(hn::Eq(v, zero), outward)), to + j);
    });
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(dropout_impl);
HWY_EXPORT(drop_rows_impl);
HWY_EXPORT(add_noise_impl);

void dropout(const DropoutMask& mask, const Index* global_row, ConstView x, View y, bool add) {
  HWY_DYNAMIC_DISPATCH(dropout_impl)(mask, global_row, x, y, add);
}
void drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x, View y, bool add) {
  HWY_DYNAMIC_DISPATCH(drop_rows_impl)(mask, global_row, x, y, add);
}
void add_noise(const Noise& noise, const Index* global_row, ConstView x, View y) {
  HWY_DYNAMIC_DISPATCH(add_noise_impl)(noise, global_row, x, y);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE
