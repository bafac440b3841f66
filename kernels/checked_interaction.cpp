#include "kernels/checked_interaction.h"

#include <iterator>

namespace chorale {
namespace {

void layer_shapes(const Contract& c, const BiInteraction& layer, ConstView e, ConstView n,
                  Index cols) {
  c.shape("e", e, e.rows, e.cols);
  c.shape("n", n, e.rows, e.cols);
  c.shape("w_sum", layer.w_sum, e.cols, cols);
  c.shape("b_sum", layer.b_sum, 1, cols);
  c.shape("w_product", layer.w_product, e.cols, cols);
  c.shape("b_product", layer.b_product, 1, cols);
  c.rate("the dropout rate", layer.mask.rate);
}

}  // namespace

void CheckedInteraction::bi_interaction(const BiInteraction& layer, ConstView e, ConstView n,
                                        std::uint8_t* bits, View y) const {
  const Contract c("bi_interaction");
  layer_shapes(c, layer, e, n, y.cols);
  c.shape("y", y, e.rows, y.cols);
  c.equal("the lack of names of rows that are dropped by name",
          layer.mask.rate != 0 && layer.global_row == nullptr && y.rows > 0, 0);
  for (const ConstView& x : {e, n, layer.w_sum, layer.b_sum, layer.w_product, layer.b_product}) {
    c.apart("y", y, x);
  }
  inner_.bi_interaction(layer, e, n, bits, y);
  c.finite("y", y);
}

void CheckedInteraction::bi_interaction_grad(const BiInteraction& layer, ConstView e, ConstView n,
                                             const std::uint8_t* bits, ConstView dy,
                                             LaneOffsets lanes, bool add, View de, View dn,
                                             const BiInteractionWeights& dw) const {
  const Contract c("bi_interaction_grad");
  layer_shapes(c, layer, e, n, dy.cols);
  c.shape("dy", dy, e.rows, dy.cols);
  c.lanes(lanes, e.rows);
  c.equal("the lack of bits", bits == nullptr && dy.size() > 0, 0);
  const auto count = static_cast<Index>(lanes.size()) - 1;
  c.shape("de", de, e.rows, e.cols);
  c.shape("dn", dn, e.rows, e.cols);
  c.shape("dw of the sum", dw.w_sum, count, e.cols * dy.cols);
  c.shape("db of the sum", dw.b_sum, count, dy.cols);
  c.shape("dw of the product", dw.w_product, count, e.cols * dy.cols);
  c.shape("db of the product", dw.b_product, count, dy.cols);
  const View outputs[] = {de, dn, dw.w_sum, dw.b_sum, dw.w_product, dw.b_product};
  for (const View* y = outputs; y != std::end(outputs); ++y) {
    for (const View* other = outputs; other != y; ++other) c.apart("a gradient", *y, *other);
    for (const ConstView& x : {e, n, dy, layer.w_sum, layer.w_product}) {
      c.apart("a gradient", *y, x);
    }
  }
  inner_.bi_interaction_grad(layer, e, n, bits, dy, lanes, add, de, dn, dw);
  for (const View& y : outputs) c.finite("a gradient", y);
}

}  // namespace chorale
