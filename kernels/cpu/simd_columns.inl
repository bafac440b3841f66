// Loops over the columns of a row, for the simd_*.cpp files, which include this once per
// instruction set (hence no include guard).
namespace chorale::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<Real>;
using Vec = hn::Vec<Tag>;

inline HWY_ATTR Index lanes_of_tag() { return static_cast<Index>(hn::Lanes(Tag())); }

// A whole vector, or the first few lanes of one: both load, compute and store by the same
// operations.
template <class D>
struct Whole {
  HWY_INLINE hn::Vec<D> load(const Real* p) const { return hn::LoadU(D(), p); }
  HWY_INLINE void store(hn::Vec<D> v, Real* p) const { hn::StoreU(v, D(), p); }
};

template <class D>
struct Part {
  hn::Mask<D> mask;
  HWY_INLINE hn::Vec<D> load(const Real* p) const { return hn::MaskedLoad(mask, D(), p); }
  HWY_INLINE void store(hn::Vec<D> v, Real* p) const { hn::BlendedStore(v, mask, D(), p); }
};

// body(at, j) for the vectors starting at columns j = 0, N, 2N, ... of n columns.
template <class D, class Body>
HWY_INLINE void each_vector(D d, Index n, Body body) {
  const Index step = static_cast<Index>(hn::Lanes(d));
  Index j = 0;
  for (; j + step <= n; j += step) body(Whole<D>(), j);
  if (j < n) body(Part<D>{hn::FirstN(d, static_cast<std::size_t>(n - j))}, j);
}

// A view without gaps is one long row.
struct Shape {
  Index rows, cols;
};
template <class... Views>
HWY_INLINE Shape flattened(const View& y, const Views&... others) {
  const bool whole = y.is_contiguous() && (... && others.is_contiguous());
  return whole ? Shape{y.size() > 0 ? 1 : 0, y.size()} : Shape{y.rows, y.cols};
}

// Reductions over columns use sixteen partial sums, then a fixed tree, whatever the vector width.
// (Two vectors at least: g++ 12 fails with an internal error on an array of one 512-bit vector.)
using SumTag = hn::CappedTag<Real, 8>;
constexpr Index kPartials = 16;
constexpr int kVectors = static_cast<int>(kPartials / hn::MaxLanes(SumTag()));

// The fixed tree: element i takes element i + 8, then i + 4, i + 2, i + 1. (Found by their
// arguments: one-lane sets have no halves.)
template <class D>
HWY_INLINE Real tree_sum(D, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(v);
  } else {
    const hn::Half<D> half;
    return tree_sum(half, hn::Add(LowerHalf(half, v), UpperHalf(half, v)));
  }
}

template <int kCount>
HWY_INLINE Real tree_sum(hn::Vec<SumTag> (&sum)[kCount]) {
  for (int width = kCount / 2; width > 0; width /= 2) {
    for (int v = 0; v < width; ++v) sum[v] = hn::Add(sum[v], sum[v + width]);
  }
  return tree_sum(SumTag(), sum[0]);
}

// A sum over n columns: f(at, j, sum) adds the terms of the columns from j on to `sum`. Partial sum
// i takes the columns i, i + 16, i + 32, ...
template <class F>
HWY_INLINE Real sum_of_products(Index n, F f) {
  const SumTag d;
  constexpr Index width = kPartials / kVectors;
  hn::Vec<SumTag> sum[kVectors];
  for (int v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
  Index j = 0;
  for (; j + kPartials <= n; j += kPartials) {
    for (int v = 0; v < kVectors; ++v) sum[v] = f(Whole<SumTag>(), j + v * width, sum[v]);
  }
  for (int v = 0; j + v * width < n && v < kVectors; ++v) {
    const Index left = std::min(n - j - v * width, width);
    const Part<SumTag> at{hn::FirstN(d, static_cast<std::size_t>(left))};
    sum[v] = f(at, j + v * width, sum[v]);
  }
  return tree_sum(sum);
}

HWY_INLINE Real dot(const Real* x, const Real* y, Index n) {
  return sum_of_products(n, [&](auto at, Index j, auto sum) HWY_ATTR {
    return hn::MulAdd(at.load(x + j), at.load(y + j), sum);
  });
}

}  // namespace chorale::simd::HWY_NAMESPACE
