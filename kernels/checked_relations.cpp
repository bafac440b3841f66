#include "kernels/checked_relations.h"

#include <initializer_list>

#include "kernels/check.h"

namespace chorale {
namespace {

// Outputs lie apart from one another and from the inputs.
void separate(const Contract& c, std::initializer_list<ConstView> outputs,
              std::initializer_list<ConstView> inputs) {
  for (const ConstView* y = outputs.begin(); y != outputs.end(); ++y) {
    for (const ConstView* other = outputs.begin(); other != y; ++other) c.apart("y", *y, *other);
    for (const ConstView& x : inputs) c.apart("y", *y, x);
  }
}

}  // namespace

void CheckedRelations::grouped_gemm(ConstView x, Groups begin, ConstView w, View y) const {
  const Contract c("grouped_gemm");
  c.shape("x", x, y.rows, x.cols);
  c.shape("w", w, w.rows, x.cols * y.cols);
  c.shape("y", y, y.rows, y.cols);
  c.groups(begin, y.rows, w.rows);
  separate(c, {y}, {x, w});
  inner_.grouped_gemm(x, begin, w, y);
  c.finite("y", y);
}

void CheckedRelations::grouped_gemm_nt(ConstView dy, Groups begin, ConstView w, View dx) const {
  const Contract c("grouped_gemm_nt");
  c.shape("dy", dy, dx.rows, dy.cols);
  c.shape("w", w, w.rows, dx.cols * dy.cols);
  c.shape("dx", dx, dx.rows, dx.cols);
  c.groups(begin, dx.rows, w.rows);
  separate(c, {dx}, {dy, w});
  inner_.grouped_gemm_nt(dy, begin, w, dx);
  c.finite("dx", dx);
}

void CheckedRelations::grouped_gemm_tn(ConstView x, Groups begin, ConstView dy, View dw) const {
  const Contract c("grouped_gemm_tn");
  c.shape("x", x, dy.rows, x.cols);
  c.shape("dy", dy, dy.rows, dy.cols);
  c.shape("dw", dw, dw.rows, x.cols * dy.cols);
  c.groups(begin, dy.rows, dw.rows);
  separate(c, {dw}, {x, dy});
  inner_.grouped_gemm_tn(x, begin, dy, dw);
  c.finite("dw", dw);
}

void CheckedRelations::dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y) const {
  const Contract c("dot_pairs");
  c.shape("x", x, x.rows, x.cols);
  c.shape("z", z, z.rows, x.cols);
  c.shape("y", y, y.rows, 1);
  c.pairs(pairs, x, z, y);
  separate(c, {y}, {x, z});
  inner_.dot_pairs(pairs, x, z, y);
  for (const LocalIndex place : pairs.place) c.finite("y", y.row_block(place, place + 1));
}

void CheckedRelations::segment_softmax(std::span<const Index> row_begin, ConstView x,
                                       View y) const {
  const Contract c("segment_softmax");
  c.shape("x", x, y.rows, 1);
  c.shape("y", y, y.rows, 1);
  c.groups(row_begin, y.rows, static_cast<Index>(row_begin.size()) - 1);
  separate(c, {y}, {x});
  inner_.segment_softmax(row_begin, x, y);
  c.finite("y", y);
}

void CheckedRelations::transr(ConstView h, ConstView r, ConstView t, ConstView n, LaneOffsets lanes,
                              View slope, View value) const {
  const Contract c("transr");
  for (const ConstView& x : {h, r, t, n}) c.shape("a vector", x, h.rows, h.cols);
  c.shape("slope", slope, h.rows, 1);
  c.lanes(lanes, h.rows);
  c.shape("value", value, static_cast<Index>(lanes.size()) - 1, 1);
  separate(c, {slope, value}, {h, r, t, n});
  inner_.transr(h, r, t, n, lanes, slope, value);
  c.finite("slope", slope);
  c.finite("value", value);
}

void CheckedRelations::transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r,
                                   ConstView t, ConstView n, View dh, View dr, View dt,
                                   View dn) const {
  const Contract c("transr_grad");
  c.shape("a", a, 1, 1);
  c.shape("slope", slope, h.rows, 1);
  for (const ConstView& x : {h, r, t, n}) c.shape("a vector", x, h.rows, h.cols);
  for (const View& x : {dh, dr, dt, dn}) c.shape("a gradient", x, h.rows, h.cols);
  separate(c, {dh, dr, dt, dn}, {a, slope, h, r, t, n});
  inner_.transr_grad(a, slope, h, r, t, n, dh, dr, dt, dn);
  for (const View& x : {dh, dr, dt, dn}) c.finite("a gradient", x);
}

}  // namespace chorale
