// Reference: optimizer steps.
#include <cmath>

#include "kernels/adam_step.h"
#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

Index target(Rows rows, Index i) { return rows.empty() ? i : static_cast<Index>(rows[i]); }

// The gradient with its L2 part; applies the decoupled decay to w.
Real prepare(const UpdateOptions& o, Real g, Real& w) {
  const Real with_l2 = g + o.l2 * w;
  w *= Real(1) - o.rate * o.decay;
  return with_l2;
}

}  // namespace

void ReferenceKernels::sgd(const UpdateOptions& o, ConstView g, Rows rows, View w) const {
  for (Index i = 0; i < g.rows; ++i) {
    for (Index j = 0; j < g.cols; ++j) {
      Real& weight = w(target(rows, i), j);
      const Real gradient = prepare(o, g(i, j), weight);
      weight -= o.rate * gradient;
    }
  }
}

void ReferenceKernels::adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w,
                               View s) const {
  for (Index i = 0; i < g.rows; ++i) {
    const Index r = target(rows, i);
    for (Index j = 0; j < g.cols; ++j) {
      const Real gradient = prepare(o, g(i, j), w(r, j));
      s(r, j) += gradient * gradient;
      w(r, j) -= o.rate * gradient / (std::sqrt(s(r, j)) + o.epsilon);
    }
  }
}

void ReferenceKernels::rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w,
                                       View s) const {
  for (Index i = 0; i < g.rows; ++i) {
    const Index r = target(rows, i);
    Real squares = 0;
    for (Index j = 0; j < g.cols; ++j) {
      const Real gradient = g(i, j) + o.l2 * w(r, j);
      squares += gradient * gradient;
    }
    if (g.cols > 0) s(r, 0) += squares / static_cast<Real>(g.cols);
    const Real rate = o.rate / (std::sqrt(s(r, 0)) + o.epsilon);
    for (Index j = 0; j < g.cols; ++j) {
      const Real gradient = prepare(o, g(i, j), w(r, j));
      w(r, j) -= rate * gradient;
    }
  }
}

void ReferenceKernels::adam(const UpdateOptions& o, ConstView g, View w, View m, View v) const {
  const AdamStep step = adam_step(o);
  for (Index i = 0; i < g.rows; ++i) {
    for (Index j = 0; j < g.cols; ++j) {
      const Real gradient = prepare(o, g(i, j), w(i, j));
      m(i, j) = o.beta1 * m(i, j) + (Real(1) - o.beta1) * gradient;
      v(i, j) = o.beta2 * v(i, j) + (Real(1) - o.beta2) * gradient * gradient;
      w(i, j) -= step.rate * m(i, j) / (step.root * std::sqrt(v(i, j)) + o.epsilon);
    }
  }
}

}  // namespace chorale
