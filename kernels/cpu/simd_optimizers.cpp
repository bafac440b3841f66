// Vector code: optimizer steps. Each is one pass over gradient, weight and state.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_optimizers.cpp"
#include <algorithm>
#include <cmath>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/adam_step.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
namespace chorale::simd::HWY_NAMESPACE {

HWY_INLINE Index target(Rows rows, Index i) {
  return rows.empty() ? i : static_cast<Index>(rows[static_cast<std::size_t>(i)]);
}

// What every optimizer does first: the gradient gets its L2 part, the weight its decay.
struct Prepared {
  Vec gradient, weight;
};
struct Prepare {
  Vec l2, keep;
  explicit HWY_INLINE Prepare(const UpdateOptions& o)
      : l2(hn::Set(Tag(), o.l2)), keep(hn::Set(Tag(), Real(1) - o.rate * o.decay)) {}
  HWY_INLINE Prepared operator()(Vec g, Vec w) const {
    return {hn::MulAdd(l2, w, g), hn::Mul(keep, w)};
  }
};

void sgd_impl(const UpdateOptions& o, ConstView g, Rows rows, View w, Index first, Index last) {
  const Prepare prepare(o);
  const Vec rate = hn::Set(Tag(), o.rate);
  for (Index i = first; i < last; ++i) {
    const Real* gradient = g.row(i);
    Real* weight = w.row(target(rows, i));
    each_vector(Tag(), g.cols, [&](auto at, Index j) HWY_ATTR {
      const Prepared p = prepare(at.load(gradient + j), at.load(weight + j));
      at.store(hn::NegMulAdd(rate, p.gradient, p.weight), weight + j);
    });
  }
}

void adagrad_impl(const UpdateOptions& o, ConstView g, Rows rows, View w, View s, Index first,
                  Index last) {
  const Prepare prepare(o);
  const Vec rate = hn::Set(Tag(), o.rate), epsilon = hn::Set(Tag(), o.epsilon);
  for (Index i = first; i < last; ++i) {
    const Real* gradient = g.row(i);
    Real *weight = w.row(target(rows, i)), *state = s.row(target(rows, i));
    each_vector(Tag(), g.cols, [&](auto at, Index j) HWY_ATTR {
      const Prepared p = prepare(at.load(gradient + j), at.load(weight + j));
      const Vec sum = hn::MulAdd(p.gradient, p.gradient, at.load(state + j));
      const Vec step = hn::Div(hn::Mul(rate, p.gradient), hn::Add(hn::Sqrt(sum), epsilon));
      at.store(sum, state + j);
      at.store(hn::Sub(p.weight, step), weight + j);
    });
  }
}

void rowwise_adagrad_impl(const UpdateOptions& o, ConstView g, Rows rows, View w, View s,
                          Index first, Index last) {
  const Prepare prepare(o);
  const hn::Vec<SumTag> l2 = hn::Set(SumTag(), o.l2);
  for (Index i = first; i < last; ++i) {
    const Real* gradient = g.row(i);
    Real* weight = w.row(target(rows, i));
    Real& state = s(target(rows, i), 0);
    const Real squares = sum_of_products(g.cols, [&](auto at, Index j, auto sum) HWY_ATTR {
      const auto v = hn::MulAdd(l2, at.load(weight + j), at.load(gradient + j));
      return hn::MulAdd(v, v, sum);
    });
    if (g.cols > 0) state += squares / static_cast<Real>(g.cols);
    const Vec rate = hn::Set(Tag(), o.rate / (std::sqrt(state) + o.epsilon));
    each_vector(Tag(), g.cols, [&](auto at, Index j) HWY_ATTR {
      const Prepared p = prepare(at.load(gradient + j), at.load(weight + j));
      at.store(hn::NegMulAdd(rate, p.gradient, p.weight), weight + j);
    });
  }
}

void adam_impl(const UpdateOptions& o, ConstView g, View w, View m, View v) {
  const Tag d;
  const auto [rows, cols] = flattened(w, g, m, v);
  const Prepare prepare(o);
  const AdamStep step = adam_step(o);
  const Vec rate = hn::Set(d, step.rate), root = hn::Set(d, step.root);
  const Vec epsilon = hn::Set(d, o.epsilon), beta1 = hn::Set(d, o.beta1),
            beta2 = hn::Set(d, o.beta2);
  const Vec rest1 = hn::Set(d, Real(1) - o.beta1), rest2 = hn::Set(d, Real(1) - o.beta2);
  for (Index i = 0; i < rows; ++i) {
    const Real* gradient = g.row(i);
    Real *weight = w.row(i), *first = m.row(i), *second = v.row(i);
    each_vector(d, cols, [&](auto at, Index j) HWY_ATTR {
      const Prepared p = prepare(at.load(gradient + j), at.load(weight + j));
      const Vec mean = hn::MulAdd(rest1, p.gradient, hn::Mul(beta1, at.load(first + j)));
      const Vec square =
          hn::MulAdd(hn::Mul(rest2, p.gradient), p.gradient, hn::Mul(beta2, at.load(second + j)));
      const Vec below = hn::MulAdd(root, hn::Sqrt(square), epsilon);
      at.store(mean, first + j);
      at.store(square, second + j);
      at.store(hn::Sub(p.weight, hn::Div(hn::Mul(rate, mean), below)), weight + j);
    });
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(sgd_impl);
HWY_EXPORT(adagrad_impl);
HWY_EXPORT(rowwise_adagrad_impl);
HWY_EXPORT(adam_impl);

void sgd(const UpdateOptions& o, ConstView g, Rows rows, View w, Index first, Index last) {
  HWY_DYNAMIC_DISPATCH(sgd_impl)(o, g, rows, w, first, last);
}
void adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s, Index first,
             Index last) {
  HWY_DYNAMIC_DISPATCH(adagrad_impl)(o, g, rows, w, s, first, last);
}
void rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s, Index first,
                     Index last) {
  HWY_DYNAMIC_DISPATCH(rowwise_adagrad_impl)(o, g, rows, w, s, first, last);
}
void adam(const UpdateOptions& o, ConstView g, View w, View m, View v) {
  HWY_DYNAMIC_DISPATCH(adam_impl)(o, g, w, m, v);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE
