// Vector code: elementwise kernels.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_dense.cpp"
#include <algorithm>
#include <cstdint>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"
#include "kernels/random.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
namespace chorale::simd::HWY_NAMESPACE {

void fill_impl(Real value, View y) {
  const auto [rows, cols] = flattened(y);
  const Vec v = hn::Set(Tag(), value);
  for (Index i = 0; i < rows; ++i) {
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR { at.store(v, y.row(i) + j); });
  }
}

void axpy_impl(Real a, ConstView x, View y) {
  const auto [rows, cols] = flattened(y, x);
  const Vec factor = hn::Set(Tag(), a);
  for (Index i = 0; i < rows; ++i) {
    const Real* from = x.row(i);
    Real* to = y.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      at.store(hn::MulAdd(factor, at.load(from + j), at.load(to + j)), to + j);
    });
  }
}

void scale_impl(Real a, View y) {
  const auto [rows, cols] = flattened(y);
  const Vec factor = hn::Set(Tag(), a);
  for (Index i = 0; i < rows; ++i) {
    Real* to = y.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      at.store(hn::Mul(factor, at.load(to + j)), to + j);
    });
  }
}

void multiply_impl(ConstView x, ConstView z, View y, bool add) {
  const auto [rows, cols] = flattened(y, x, z);
  for (Index i = 0; i < rows; ++i) {
    const Real *a = x.row(i), *b = z.row(i);
    Real* to = y.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      const Vec va = at.load(a + j), vb = at.load(b + j);
      at.store(add ? hn::MulAdd(va, vb, at.load(to + j)) : hn::Mul(va, vb), to + j);
    });
  }
}

void sum_of_impl(Real a, std::span<const ConstView> xs, View y, Index first_row) {
  const Vec factor = hn::Set(Tag(), a);
  for (Index i = 0; i < y.rows; ++i) {
    Real* to = y.row(i);
    each_vector(Tag(), y.cols, [&](auto at, Index j) HWY_ATTR {
      Vec sum = hn::Zero(Tag());
      for (const ConstView& x : xs) sum = hn::Add(sum, at.load(x.row(first_row + i) + j));
      at.store(hn::Mul(factor, sum), to + j);
    });
  }
}

void leaky_relu_impl(Real parameter, ConstView x, View y) {
  const auto [rows, cols] = flattened(y, x);
  const Vec below = hn::Set(Tag(), parameter), zero = hn::Zero(Tag());
  for (Index i = 0; i < rows; ++i) {
    const Real* from = x.row(i);
    Real* to = y.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      const Vec v = at.load(from + j);
      at.store(hn::IfThenElse(hn::Gt(v, zero), v, hn::Mul(below, v)), to + j);
    });
  }
}

void leaky_relu_slope_impl(Real parameter, ConstView x, ConstView dy, View dx) {
  const auto [rows, cols] = flattened(dx, x, dy);
  const Vec below = hn::Set(Tag(), parameter), one = hn::Set(Tag(), Real(1));
  const Vec zero = hn::Zero(Tag());
  for (Index i = 0; i < rows; ++i) {
    const Real *from = x.row(i), *upstream = dy.row(i);
    Real* to = dx.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      const Vec slope = hn::IfThenElse(hn::Gt(at.load(from + j), zero), one, below);
      at.store(hn::MulAdd(slope, at.load(upstream + j), at.load(to + j)), to + j);
    });
  }
}

void add_row_impl(ConstView b, View y) {
  for (Index i = 0; i < y.rows; ++i) {
    Real* to = y.row(i);
    each_vector(Tag(), y.cols, [&](auto at, Index j) HWY_ATTR {
      at.store(hn::Add(at.load(to + j), at.load(b.data + j)), to + j);
    });
  }
}

using Word = hn::ScalableTag<std::uint32_t>;

// The 32 x 32 bit products of all lanes, low and high halves.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void wide_multiply(D d, V a, V b, V& low, V& high) {
  const hn::RepartitionToWide<D> wide;
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))),
                               hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, b))));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
}

// Philox4x32-10 for the counters index + 0, 1, ..., one a lane: the same words as random_bits.
template <class D>
HWY_INLINE void philox(D d, std::uint64_t key, std::uint64_t step, std::uint64_t index,
                       std::uint32_t* to) {
  using V = hn::Vec<D>;
  V c0 = hn::Iota(d, static_cast<std::uint32_t>(index));
  V c1 = hn::Set(d, static_cast<std::uint32_t>(index >> 32));
  V c2 = hn::Set(d, static_cast<std::uint32_t>(step));
  V c3 = hn::Set(d, static_cast<std::uint32_t>(step >> 32));
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  const V m0 = hn::Set(d, 0xD2511F53u), m1 = hn::Set(d, 0xCD9E8D57u);
  for (int round = 0; round < 10; ++round) {
    V low0, high0, low1, high1;
    wide_multiply(d, c0, m0, low0, high0);
    wide_multiply(d, c2, m1, low1, high1);
    c0 = hn::Xor(high1, hn::Xor(c1, hn::Set(d, k0)));
    c2 = hn::Xor(high0, hn::Xor(c3, hn::Set(d, k1)));
    c1 = low1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  hn::StoreInterleaved4(c0, c1, c2, c3, d, to);
}

// The words of the blocks from `index` on, as many as a vector has lanes.
template <class D>
HWY_INLINE void dropout_words(D d, const DropoutMask& mask, std::uint64_t index,
                              std::uint32_t* to) {
  const RandomKey key{Purpose::dropout, mask.seed};
  const std::uint64_t step = dropout_step(mask.step, mask.op);
  if constexpr (hn::MaxLanes(D()) >= 4) {
    philox(d, mixed_seed(key), step, index, to);
  } else {
    const RandomBits bits = random_bits(key, step, index);
    std::copy_n(bits.word, 4, to);
  }
}

void dropout_impl(const DropoutMask& mask, const Index* global_row, ConstView x, View y, bool add) {
  const Word d;
  const Index blocks = static_cast<Index>(hn::Lanes(d));
  const std::uint32_t threshold = dropout_threshold(static_cast<double>(mask.rate));
  const Real kept = Real(1) / (Real(1) - mask.rate);
  alignas(64) std::uint32_t words[4 * hn::MaxLanes(Word())];
  for (Index i = 0; i < y.rows; ++i) {
    for (Index j = 0; j < y.cols; j += 4 * blocks) {
      dropout_words(d, mask, dropout_index(global_row[i], j / 4), words);
      const Real* from = x.row(i) + j;
      Real* to = y.row(i) + j;
      for (Index c = 0; c < std::min(4 * blocks, y.cols - j); ++c) {
        const Real v = from[c] * (words[c] < threshold ? Real(0) : kept);
        to[c] = add ? to[c] + v : v;
      }
    }
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(fill_impl);
HWY_EXPORT(axpy_impl);
HWY_EXPORT(scale_impl);
HWY_EXPORT(multiply_impl);
HWY_EXPORT(sum_of_impl);
HWY_EXPORT(leaky_relu_impl);
HWY_EXPORT(leaky_relu_slope_impl);
HWY_EXPORT(add_row_impl);
HWY_EXPORT(dropout_impl);

void fill(Real value, View y) { HWY_DYNAMIC_DISPATCH(fill_impl)(value, y); }
void axpy(Real a, ConstView x, View y) { HWY_DYNAMIC_DISPATCH(axpy_impl)(a, x, y); }
void scale(Real a, View y) { HWY_DYNAMIC_DISPATCH(scale_impl)(a, y); }
void multiply(ConstView x, ConstView z, View y, bool add) {
  HWY_DYNAMIC_DISPATCH(multiply_impl)(x, z, y, add);
}
void sum_of(Real a, std::span<const ConstView> xs, View y, Index first_row) {
  HWY_DYNAMIC_DISPATCH(sum_of_impl)(a, xs, y, first_row);
}
void leaky_relu(Real parameter, ConstView x, View y) {
  HWY_DYNAMIC_DISPATCH(leaky_relu_impl)(parameter, x, y);
}
void leaky_relu_slope(Real parameter, ConstView x, ConstView dy, View dx) {
  HWY_DYNAMIC_DISPATCH(leaky_relu_slope_impl)(parameter, x, dy, dx);
}
void add_row(ConstView b, View y) { HWY_DYNAMIC_DISPATCH(add_row_impl)(b, y); }
void dropout(const DropoutMask& mask, const Index* global_row, ConstView x, View y, bool add) {
  HWY_DYNAMIC_DISPATCH(dropout_impl)(mask, global_row, x, y, add);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE
