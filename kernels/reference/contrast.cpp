// Reference: sums over pairs of rows. Sums are taken in double, in ascending row order.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

Real score(const Pairs& p, const Real* a, const Real* b, Index d) {
  Real dot = 0;
  for (Index t = 0; t < d; ++t) dot += a[t] * b[t];
  return p.scale * dot;
}

bool is_left_out(const Pairs& p, Index i, Index j) {
  return p.a_names != nullptr && p.a_names[i] == p.b_names[j];
}

// e_ij
double term(const Pairs& p, ConstView a, ConstView b, Index i, Index j) {
  if (is_left_out(p, i, j)) return 0;
  const Real shift = p.shifts.data != nullptr ? p.shifts(i, 0) : p.shift;
  return static_cast<double>(std::exp(score(p, a.row(i), b.row(j), a.cols) - shift));
}

// dx_i += scale sum_j w(i, j) x_j for own rows i.
template <class Weight>
void add_weighted(Real scale, ConstView x, Index first, View dx, Weight w) {
  std::vector<double> sum(static_cast<std::size_t>(dx.cols));
  for (Index i = 0; i < dx.rows; ++i) {
    std::fill(sum.begin(), sum.end(), 0.0);
    for (Index j = 0; j < x.rows; ++j) {
      const double weight = static_cast<double>(scale) * w(first + i, j);
      for (Index t = 0; t < dx.cols; ++t) {
        sum[static_cast<std::size_t>(t)] += weight * static_cast<double>(x(j, t));
      }
    }
    for (Index t = 0; t < dx.cols; ++t) {
      dx(i, t) += static_cast<Real>(sum[static_cast<std::size_t>(t)]);
    }
  }
}

}  // namespace

void ReferenceKernels::exp_sums(const Pairs& pairs, ConstView a, ConstView b, Index first,
                                View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    double sum = 0;
    for (Index j = 0; j < b.rows; ++j) sum += term(pairs, a, b, first + i, j);
    y(i, 0) += static_cast<Real>(sum);
  }
}

void ReferenceKernels::exp_sums_grad(const Pairs& pairs, ConstView a, ConstView b, ConstView g,
                                     Index a_first, View da, Index b_first, View db) const {
  const auto weight = [&](Index i, Index j) {
    return static_cast<double>(g(i, 0)) * term(pairs, a, b, i, j);
  };
  add_weighted(pairs.scale, b, a_first, da, weight);
  add_weighted(pairs.scale, a, b_first, db, [&](Index j, Index i) { return weight(i, j); });
}

void ReferenceKernels::exp_self_sums(const Pairs& pairs, ConstView a, Index first, View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    double sum = 0;
    for (Index j = 0; j < a.rows; ++j) sum += j == first + i ? 0 : term(pairs, a, a, first + i, j);
    y(i, 0) += static_cast<Real>(sum);
  }
}

void ReferenceKernels::exp_self_sums_grad(const Pairs& pairs, ConstView a, ConstView g, Index first,
                                          View da) const {
  add_weighted(pairs.scale, a, first, da, [&](Index i, Index j) {
    return i == j ? 0 : static_cast<double>(g(i, 0) + g(j, 0)) * term(pairs, a, a, i, j);
  });
}

void ReferenceKernels::max_products(const Pairs& pairs, ConstView a, ConstView b, Index first,
                                    View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    y(i, 0) = -std::numeric_limits<Real>::infinity();
    for (Index j = 0; j < b.rows; ++j) {
      if (is_left_out(pairs, first + i, j)) continue;
      y(i, 0) = std::max(y(i, 0), score(pairs, a.row(first + i), b.row(j), a.cols));
    }
  }
}

}  // namespace chorale
