// Reference: layers of bi-interaction, one row at a time.
#include <vector>

#include "kernels/reference/dropout.h"
#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

// s_i = self e_i + n_i and p_i = e_i o n_i.
struct Operands {
  std::vector<Real> s, p;

  Operands(Real self, ConstView e, ConstView n, Index i) {
    for (Index k = 0; k < e.cols; ++k) {
      s.push_back(self * e(i, k) + n(i, k));
      p.push_back(e(i, k) * n(i, k));
    }
  }
};

// (x w + b)_j
Real dense(const std::vector<Real>& x, ConstView w, ConstView b, Index j) {
  Real sum = 0;
  for (Index k = 0; k < w.rows; ++k) sum += x[static_cast<std::size_t>(k)] * w(k, j);
  return sum + b(0, j);
}

}  // namespace

void ReferenceKernels::bi_interaction(const BiInteraction& layer, ConstView e, ConstView n,
                                      std::uint8_t* bits, View y) const {
  const bool drops = layer.mask.rate != 0;
  for (Index i = 0; i < y.rows; ++i) {
    const Operands at(layer.self, e, n, i);
    for (Index j = 0; j < y.cols; ++j) {
      const Real sum = dense(at.s, layer.w_sum, layer.b_sum, j);
      const Real product = dense(at.p, layer.w_product, layer.b_product, j);
      const Real factor = drops ? dropout_factor(layer.mask, layer.global_row[i], j) : Real(1);
      const Real both = apply(Scalar::leaky_relu, layer.slope, sum) +
                        apply(Scalar::leaky_relu, layer.slope, product);
      y(i, j) = both * factor;
      if (bits == nullptr) continue;
      bits[i * y.cols + j] = static_cast<std::uint8_t>((sum > 0 ? kSumIsAbove : 0) |
                                                       (product > 0 ? kProductIsAbove : 0) |
                                                       (factor != 0 ? kIsKept : 0));
    }
  }
}

void ReferenceKernels::bi_interaction_grad(const BiInteraction& layer, ConstView e, ConstView n,
                                           const std::uint8_t* bits, ConstView dy,
                                           LaneOffsets lanes, bool add, View de, View dn,
                                           const BiInteractionWeights& dw) const {
  const Real kept = Real(1) / (Real(1) - layer.mask.rate);
  const auto below = [&](bool is_above) { return is_above ? Real(1) : layer.slope; };
  const Index k = e.cols, m = dy.cols;
  std::vector<Real> of_sum(static_cast<std::size_t>(m)), of_product(static_cast<std::size_t>(m));
  for (Index lane = 0; lane < dw.w_sum.rows; ++lane) {
    const View w_sum(dw.w_sum.row(lane), k, m), w_product(dw.w_product.row(lane), k, m);
    for (Index i = lanes[lane]; i < lanes[lane + 1]; ++i) {
      const Operands at(layer.self, e, n, i);
      for (Index j = 0; j < m; ++j) {
        const std::uint8_t b = bits[i * m + j];
        const Real upstream = (b & kIsKept) != 0 ? kept * dy(i, j) : Real(0);
        of_sum[static_cast<std::size_t>(j)] = below((b & kSumIsAbove) != 0) * upstream;
        of_product[static_cast<std::size_t>(j)] = below((b & kProductIsAbove) != 0) * upstream;
        dw.b_sum(lane, j) += of_sum[static_cast<std::size_t>(j)];
        dw.b_product(lane, j) += of_product[static_cast<std::size_t>(j)];
      }
      for (Index c = 0; c < k; ++c) {
        Real ds = 0, dp = 0;
        for (Index j = 0; j < m; ++j) {
          const Real g_sum = of_sum[static_cast<std::size_t>(j)];
          const Real g_product = of_product[static_cast<std::size_t>(j)];
          ds += g_sum * layer.w_sum(c, j);
          dp += g_product * layer.w_product(c, j);
          w_sum(c, j) += at.s[static_cast<std::size_t>(c)] * g_sum;
          w_product(c, j) += at.p[static_cast<std::size_t>(c)] * g_product;
        }
        const Real before = add ? de(i, c) : Real(0);
        de(i, c) = before + layer.self * ds + dp * n(i, c);
        dn(i, c) = ds + dp * e(i, c);
      }
    }
  }
}

}  // namespace chorale
