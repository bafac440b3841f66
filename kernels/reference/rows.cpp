// Reference: kernels that treat a row as a whole.
#include <algorithm>
#include <cmath>

#include "kernels/random.h"
#include "kernels/reference/dropout.h"
#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

constexpr double kSmallestNorm = 1e-12;

double norm(const Real* x, Index n) {
  double squares = 0;
  for (Index j = 0; j < n; ++j) squares += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  return std::sqrt(squares);
}

// The uniform number behind the noise of an element.
Real noise_of(const Noise& noise, Index global_row, Index j) {
  const RandomBits bits =
      random_bits({Purpose::noise, noise.seed}, dropout_step(noise.step, noise.op),
                  dropout_index(global_row, j / 4));
  return uniform_of_word(bits.word[j % 4]);
}

}  // namespace

void ReferenceKernels::gather_names(std::span<const Index> names, Rows rows, Index* to) const {
  for (std::size_t i = 0; i < rows.size(); ++i) to[i] = names[static_cast<std::size_t>(rows[i])];
}

void ReferenceKernels::normalize_rows(ConstView x, View y, View inverse) const {
  for (Index i = 0; i < x.rows; ++i) {
    inverse(i, 0) = static_cast<Real>(1 / std::max(norm(x.row(i), x.cols), kSmallestNorm));
    for (Index j = 0; j < x.cols; ++j) y(i, j) = inverse(i, 0) * x(i, j);
  }
}

void ReferenceKernels::normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy,
                                           View dx) const {
  for (Index i = 0; i < y.rows; ++i) {
    if (inverse(i, 0) >= static_cast<Real>(1 / kSmallestNorm)) continue;
    Real along = 0;
    for (Index j = 0; j < y.cols; ++j) along += y(i, j) * dy(i, j);
    for (Index j = 0; j < y.cols; ++j) dx(i, j) += inverse(i, 0) * (dy(i, j) - y(i, j) * along);
  }
}

void ReferenceKernels::gather_rows(ConstView x, Rows rows, View y) const {
  for (Index i = 0; i < y.rows; ++i) std::copy_n(x.row(rows[i]), y.cols, y.row(i));
}

void ReferenceKernels::scatter_rows(ConstView x, Rows rows, View y) const {
  for (Index i = 0; i < x.rows; ++i) std::copy_n(x.row(i), x.cols, y.row(rows[i]));
}

void ReferenceKernels::add_segments(ConstView y, const Segments& segments, View x) const {
  for (std::size_t s = 0; s < segments.rows.size(); ++s) {
    for (Index j = 0; j < x.cols; ++j) {
      Real sum = 0;
      for (Index e = segments.begin[s]; e < segments.begin[s + 1]; ++e) {
        sum += y(segments.order[e], j);
      }
      x(segments.rows[s], j) += sum;
    }
  }
}

void ReferenceKernels::row_dots(ConstView x, ConstView y, View out) const {
  for (Index i = 0; i < x.rows; ++i) {
    Real sum = 0;
    for (Index j = 0; j < x.cols; ++j) sum += x(i, j) * y(i, j);
    out(i, 0) = sum;
  }
}

void ReferenceKernels::add_scaled_rows(ConstView c, ConstView x, View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    for (Index j = 0; j < y.cols; ++j) y(i, j) += c(i, 0) * x(i, j);
  }
}

void ReferenceKernels::drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x,
                                 View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    const Real factor = dropout_factor(mask, global_row[i], 0);
    for (Index j = 0; j < y.cols; ++j) y(i, j) = x(i, j) * factor;
  }
}

void ReferenceKernels::drop_rows_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                                     View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    const Real factor = dropout_factor(mask, global_row[i], 0);
    for (Index j = 0; j < y.cols; ++j) y(i, j) += x(i, j) * factor;
  }
}

void ReferenceKernels::add_noise(const Noise& noise, const Index* global_row, ConstView x,
                                 View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    for (Index j = 0; j < y.cols; ++j) y(i, j) = noise_of(noise, global_row[i], j);
    const double length = std::max(norm(y.row(i), y.cols), kSmallestNorm);
    const Real factor = static_cast<Real>(static_cast<double>(noise.length) / length);
    for (Index j = 0; j < y.cols; ++j) {
      const Real sign = static_cast<Real>((x(i, j) > 0) - (x(i, j) < 0));
      y(i, j) = x(i, j) + sign * (factor * y(i, j));
    }
  }
}

void ReferenceKernels::scale_rows_by_norm(Real exponent, ConstView x, View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    const double length = norm(x.row(i), x.cols);
    const double factor = length > 0 ? std::pow(length, static_cast<double>(exponent) - 1) : 0;
    for (Index j = 0; j < y.cols; ++j) y(i, j) = static_cast<Real>(factor) * x(i, j);
  }
}

}  // namespace chorale
