// A layer of bi-interaction as one op.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {
namespace {

void require_weights(Var w, Var b, Index from, Index to) {
  require(
      w.layout() == Layout::replicated && b.layout() == Layout::replicated && w.rows() == from &&
          w.cols() == to && b.rows() == 1 && b.cols() == to,
      "bi_interaction: a weight ({}, {}) and a bias ({}, {}), for a layer from {} to {} columns",
      w.rows(), w.cols(), b.rows(), b.cols(), from, to);
}

}  // namespace

Var bi_interaction(Var e, Var n, const BiInteractionLayer& layer, std::span<const Index> names) {
  require(e.has_rows_of(n) && e.cols() == n.cols(),
          "bi_interaction: ({}, {}) and ({}, {}) differ in shape, layout or rows", e.rows(),
          e.cols(), n.rows(), n.cols());
  require(static_cast<Index>(names.size()) == e.part().local_rows(),
          "bi_interaction: {} names for {} rows", names.size(), e.part().local_rows());
  Tape& t = *e.tape;
  const Var w_sum = t.leaf(layer.w_sum), b_sum = t.leaf(layer.b_sum);
  const Var w_product = t.leaf(layer.w_product), b_product = t.leaf(layer.b_product);
  require_weights(w_sum, b_sum, e.cols(), w_sum.cols());
  require_weights(w_product, b_product, e.cols(), w_sum.cols());

  BiInteraction k{.self = layer.has_self ? Real(1) : Real(0),
                  .slope = static_cast<Real>(layer.slope),
                  .w_sum = w_sum.value(),
                  .b_sum = b_sum.value(),
                  .w_product = w_product.value(),
                  .b_product = b_product.value()};
  if (t.training() && layer.dropout > 0) {
    k.mask = t.next_mask(layer.dropout);
    k.global_row = t.names_of(e, names);
  }
  Var y = t.output_like(e, w_sum.cols());
  std::uint8_t* bits = nullptr;
  if (t.training()) {
    bits = static_cast<std::uint8_t*>(t.arena().take(static_cast<std::size_t>(y.value().size())));
  }
  t.kernels().bi_interaction(k, e.value(), n.value(), bits, y.out());

  t.on_backward(y, {e, n, w_sum, b_sum, w_product, b_product}, [=, &t] {
    require(bits != nullptr, "bi_interaction: no gradient outside training");
    const BiInteractionWeights dw{w_sum.lane_grads(), b_sum.lane_grads(), w_product.lane_grads(),
                                  b_product.lane_grads()};
    const bool adds = e.has_grad();
    const View de = adds ? e.grad() : t.arena().take_view(e.rows(), e.cols());
    const View dn = t.arena().take_view(n.rows(), n.cols());
    t.kernels().bi_interaction_grad(k, e.value(), n.value(), bits, y.grad(), e.lane_offsets(), adds,
                                    de, dn, dw);
    if (!adds) e.begin_grad(de);
    n.add_grad(dn);
  });
  return y;
}

}  // namespace chorale
