#include "kernels/checked_contrast.h"

namespace chorale {
namespace {

// x and y have one shape and lie apart.
void alike(const Contract& c, ConstView x, ConstView y) {
  c.shape("y", y, y.rows, y.cols);
  c.shape("x", x, y.rows, y.cols);
  c.apart("y", y, x);
}

void pairs_of(const Contract& c, const Pairs& pairs, ConstView a, ConstView b) {
  c.shape("a", a, a.rows, a.cols);
  c.shape("b", b, b.rows, a.cols);
  if (pairs.shifts.data != nullptr) c.shape("shifts", pairs.shifts, a.rows, 1);
  const Index lists = (pairs.a_names != nullptr) + (pairs.b_names != nullptr);
  c.equal("the number of lists of names", lists, 2 * (lists / 2));
}

void pairs_of_self(const Contract& c, const Pairs& pairs, ConstView a) {
  pairs_of(c, pairs, a, a);
  c.equal("the number of shifts", pairs.shifts.size(), 0);
  c.equal("the number of lists of names", pairs.a_names == nullptr ? 0 : 2, 0);
}

// `output` holds the rows [first, first + rows) of so many.
void own_rows(const Contract& c, std::string_view name, ConstView output, Index first, Index rows,
              Index cols) {
  if (output.rows == 0) return;
  c.shape(name, output, output.rows, cols);
  c.between("the first own row", first, 0, rows);
  c.between("the end of the own rows", first + output.rows, first, rows + 1);
}

}  // namespace

void CheckedContrast::row_dots(ConstView x, ConstView y, View out) const {
  const Contract c("row_dots");
  c.shape("x", x, out.rows, x.cols);
  c.shape("y", y, out.rows, x.cols);
  c.shape("out", out, out.rows, 1);
  c.apart("out", out, x);
  c.apart("out", out, y);
  inner_.row_dots(x, y, out);
  c.finite("out", out);
}

void CheckedContrast::add_scaled_rows(ConstView factor, ConstView x, View y) const {
  const Contract c("add_scaled_rows");
  alike(c, x, y);
  c.shape("c", factor, y.rows, 1);
  c.apart("y", y, factor);
  inner_.add_scaled_rows(factor, x, y);
  c.finite("y", y);
}

void CheckedContrast::drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x,
                                View y) const {
  const Contract c("drop_rows");
  alike(c, x, y);
  c.rate("the dropout rate", mask.rate);
  inner_.drop_rows(mask, global_row, x, y);
  c.finite("y", y);
}

void CheckedContrast::drop_rows_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                                    View y) const {
  const Contract c("drop_rows_add");
  alike(c, x, y);
  c.rate("the dropout rate", mask.rate);
  inner_.drop_rows_add(mask, global_row, x, y);
  c.finite("y", y);
}

void CheckedContrast::add_noise(const Noise& noise, const Index* global_row, ConstView x,
                                View y) const {
  const Contract c("add_noise");
  alike(c, x, y);
  inner_.add_noise(noise, global_row, x, y);
  c.finite("y", y);
}

void CheckedContrast::scale_rows_by_norm(Real exponent, ConstView x, View y) const {
  const Contract c("scale_rows_by_norm");
  alike(c, x, y);
  inner_.scale_rows_by_norm(exponent, x, y);
  c.finite("y", y);
}

void CheckedContrast::lane_totals(ConstView x, LaneOffsets lanes, View value) const {
  const Contract c("lane_totals");
  c.shape("x", x, x.rows, x.cols);
  c.lanes(lanes, x.rows);
  c.shape("value", value, static_cast<Index>(lanes.size()) - 1, 1);
  c.apart("value", value, x);
  inner_.lane_totals(x, lanes, value);
  c.finite("value", value);
}

void CheckedContrast::exp_sums(const Pairs& pairs, ConstView a, ConstView b, Index first,
                               View y) const {
  const Contract c("exp_sums");
  pairs_of(c, pairs, a, b);
  own_rows(c, "y", y, first, a.rows, 1);
  c.apart("y", y, a);
  c.apart("y", y, b);
  c.apart("y", y, pairs.shifts);
  inner_.exp_sums(pairs, a, b, first, y);
  c.finite("y", y);
}

void CheckedContrast::exp_sums_grad(const Pairs& pairs, ConstView a, ConstView b, ConstView g,
                                    Index a_first, View da, Index b_first, View db) const {
  const Contract c("exp_sums_grad");
  pairs_of(c, pairs, a, b);
  c.shape("g", g, a.rows, 1);
  own_rows(c, "da", da, a_first, a.rows, a.cols);
  own_rows(c, "db", db, b_first, b.rows, b.cols);
  c.apart("da", da, db);
  for (const ConstView& input : {a, b, g, pairs.shifts}) {
    c.apart("da", da, input);
    c.apart("db", db, input);
  }
  inner_.exp_sums_grad(pairs, a, b, g, a_first, da, b_first, db);
  c.finite("da", da);
  c.finite("db", db);
}

void CheckedContrast::exp_self_sums(const Pairs& pairs, ConstView a, Index first, View y) const {
  const Contract c("exp_self_sums");
  pairs_of_self(c, pairs, a);
  own_rows(c, "y", y, first, a.rows, 1);
  c.apart("y", y, a);
  inner_.exp_self_sums(pairs, a, first, y);
  c.finite("y", y);
}

void CheckedContrast::exp_self_sums_grad(const Pairs& pairs, ConstView a, ConstView g, Index first,
                                         View da) const {
  const Contract c("exp_self_sums_grad");
  pairs_of_self(c, pairs, a);
  c.shape("g", g, a.rows, 1);
  own_rows(c, "da", da, first, a.rows, a.cols);
  c.apart("da", da, a);
  c.apart("da", da, g);
  inner_.exp_self_sums_grad(pairs, a, g, first, da);
  c.finite("da", da);
}

void CheckedContrast::max_products(const Pairs& pairs, ConstView a, ConstView b, Index first,
                                   View y) const {
  const Contract c("max_products");
  pairs_of(c, pairs, a, b);
  own_rows(c, "y", y, first, a.rows, 1);
  c.apart("y", y, a);
  c.apart("y", y, b);
  inner_.max_products(pairs, a, b, first, y);
  c.finite("y", y);
}

}  // namespace chorale
