#include "kernels/checked_kernels.h"

#include <cmath>
#include <initializer_list>
#include <limits>

#include "kernels/checked_interaction.h"

namespace chorale {
namespace {

constexpr Index kNoEnd = std::numeric_limits<Index>::max();

// Elementwise: y and its operands have one shape, and y lies apart from them.
void elementwise(const Contract& c, ConstView y, std::initializer_list<ConstView> operands) {
  c.shape("the output", y, y.rows, y.cols);
  for (const ConstView& x : operands) {
    c.shape("an operand", x, y.rows, y.cols);
    c.apart("y", y, x);
  }
}

// The rows of w that an optimizer updates.
void updated(const Contract& c, ConstView g, Rows rows, ConstView w) {
  c.shape("w", w, w.rows, w.cols);
  c.shape("g", g, g.rows, w.cols);
  if (rows.empty()) {
    c.between("the number of rows of g", g.rows, 0, w.rows + 1);
  } else {
    c.equal("the number of rows of g", g.rows, static_cast<Index>(rows.size()));
    c.row_list("an updated row", rows, w.rows, true);
  }
}

class CheckedKernels final : public CheckedInteraction {
 public:
  explicit CheckedKernels(const Kernels& inner) : CheckedInteraction(inner) {}

  void fill(Real value, View y) const override {
    const Contract c("fill");
    elementwise(c, y, {});
    inner_.fill(value, y);
    if (std::isfinite(value)) c.finite("y", y);  // ranked lists begin with -infinity
  }

  void copy(ConstView x, View y) const override {
    const Contract c("copy");
    elementwise(c, y, {x});
    inner_.copy(x, y);
    c.finite("y", y);
  }

  void axpy(Real a, ConstView x, View y) const override {
    const Contract c("axpy");
    elementwise(c, y, {x});
    inner_.axpy(a, x, y);
    c.finite("y", y);
  }

  void axpy_rows(Real a, ConstView x, Rows rows, View y) const override {
    const Contract c("axpy_rows");
    c.shape("x", x, static_cast<Index>(rows.size()), y.cols);
    c.apart("y", y, x);
    c.row_list("an updated row", rows, y.rows, true);
    inner_.axpy_rows(a, x, rows, y);
    for (const Index r : rows) c.finite("y", y.row_block(r, r + 1));
  }

  void scale(Real a, View y) const override {
    const Contract c("scale");
    elementwise(c, y, {});
    inner_.scale(a, y);
    c.finite("y", y);
  }

  void multiply(ConstView x, ConstView z, View y) const override {
    const Contract c("multiply");
    elementwise(c, y, {x, z});
    inner_.multiply(x, z, y);
    c.finite("y", y);
  }

  void multiply_add(ConstView x, ConstView z, View y) const override {
    const Contract c("multiply_add");
    elementwise(c, y, {x, z});
    inner_.multiply_add(x, z, y);
    c.finite("y", y);
  }

  void sum_of(Real a, std::span<const ConstView> xs, View y) const override {
    const Contract c("sum_of");
    c.shape("y", y, y.rows, y.cols);
    for (const ConstView& x : xs) {
      c.shape("a summand", x, y.rows, y.cols);
      c.apart("y", y, x);
    }
    inner_.sum_of(a, xs, y);
    c.finite("y", y);
  }

  void map(Scalar f, Real parameter, ConstView x, View y) const override {
    const Contract c("map");
    elementwise(c, y, {x});
    inner_.map(f, parameter, x, y);
    c.finite("y", y);
  }

  void map_slope(Scalar f, Real parameter, ConstView x, ConstView dy, View dx) const override {
    const Contract c("map_slope");
    elementwise(c, dx, {x, dy});
    inner_.map_slope(f, parameter, x, dy, dx);
    c.finite("dx", dx);
  }

  void dropout(const DropoutMask& mask, const Index* global_row, ConstView x,
               View y) const override {
    const Contract c("dropout");
    elementwise(c, y, {x});
    c.rate("the dropout rate", mask.rate);
    inner_.dropout(mask, global_row, x, y);
    c.finite("y", y);
  }

  void dropout_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                   View y) const override {
    const Contract c("dropout_add");
    elementwise(c, y, {x});
    c.rate("the dropout rate", mask.rate);
    inner_.dropout_add(mask, global_row, x, y);
    c.finite("y", y);
  }

  void gemm(ConstView x, ConstView w, View y) const override {
    const Contract c("gemm");
    c.shape("x", x, y.rows, w.rows);
    c.shape("w", w, w.rows, y.cols);
    c.shape("y", y, y.rows, y.cols);
    c.apart("y", y, x);
    c.apart("y", y, w);
    inner_.gemm(x, w, y);
    c.finite("y", y);
  }

  void gemm_nt(ConstView dy, ConstView w, View dx) const override {
    const Contract c("gemm_nt");
    c.shape("dy", dy, dx.rows, w.cols);
    c.shape("w", w, dx.cols, w.cols);
    c.shape("dx", dx, dx.rows, dx.cols);
    c.apart("dx", dx, dy);
    c.apart("dx", dx, w);
    inner_.gemm_nt(dy, w, dx);
    c.finite("dx", dx);
  }

  void gemm_tn(ConstView x, ConstView dy, View dw) const override {
    const Contract c("gemm_tn");
    c.shape("x", x, dy.rows, dw.rows);
    c.shape("dy", dy, dy.rows, dw.cols);
    c.shape("dw", dw, dw.rows, dw.cols);
    c.apart("dw", dw, x);
    c.apart("dw", dw, dy);
    inner_.gemm_tn(x, dy, dw);
    c.finite("dw", dw);
  }

  void add_row(ConstView b, View y) const override {
    const Contract c("add_row");
    c.shape("b", b, 1, y.cols);
    c.shape("y", y, y.rows, y.cols);
    c.apart("y", y, b);
    inner_.add_row(b, y);
    c.finite("y", y);
  }

  void column_sums(ConstView x, View b) const override {
    const Contract c("column_sums");
    c.shape("x", x, x.rows, b.cols);
    c.shape("b", b, 1, b.cols);
    c.apart("b", b, x);
    inner_.column_sums(x, b);
    c.finite("b", b);
  }

  void gather_names(std::span<const Index> names, Rows rows, Index* to) const override {
    Contract("gather_names").row_list("a row", rows, static_cast<Index>(names.size()), false);
    inner_.gather_names(names, rows, to);
  }

  void normalize_rows(ConstView x, View y, View inverse) const override {
    const Contract c("normalize_rows");
    c.shape("x", x, y.rows, y.cols);
    c.shape("y", y, y.rows, y.cols);
    c.shape("inverse", inverse, y.rows, 1);
    c.apart("y", y, inverse);
    c.apart("y", y, x);
    c.apart("inverse", inverse, x);
    inner_.normalize_rows(x, y, inverse);
    c.finite("y", y);
    c.finite("inverse", inverse);
  }

  void normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy, View dx) const override {
    const Contract c("normalize_rows_grad");
    c.shape("y", y, dx.rows, dx.cols);
    c.shape("inverse", inverse, dx.rows, 1);
    c.shape("dy", dy, dx.rows, dx.cols);
    c.shape("dx", dx, dx.rows, dx.cols);
    c.apart("dx", dx, y);
    c.apart("dx", dx, inverse);
    c.apart("dx", dx, dy);
    inner_.normalize_rows_grad(y, inverse, dy, dx);
    c.finite("dx", dx);
  }

  void gather_rows(ConstView x, Rows rows, View y) const override {
    const Contract c("gather_rows");
    c.shape("x", x, x.rows, y.cols);
    c.shape("y", y, static_cast<Index>(rows.size()), y.cols);
    c.row_list("a row to gather", rows, x.rows, false);
    c.apart("y", y, x);
    inner_.gather_rows(x, rows, y);
    c.finite("y", y);
  }

  void scatter_rows(ConstView x, Rows rows, View y) const override {
    const Contract c("scatter_rows");
    c.shape("x", x, static_cast<Index>(rows.size()), y.cols);
    c.row_list("a row to scatter to", rows, y.rows, true);
    c.apart("y", y, x);
    c.finite("x", x);
    inner_.scatter_rows(x, rows, y);
  }

  void add_segments(ConstView y, const Segments& segments, View x) const override {
    const Contract c("add_segments");
    c.shape("y", y, y.rows, x.cols);
    c.shape("x", x, x.rows, x.cols);
    c.segments(segments, y.rows, x.rows);
    c.apart("x", x, y);
    inner_.add_segments(y, segments, x);
    c.finite("x", x);
  }

  void bpr(ConstView u, ConstView p, ConstView n, LaneOffsets lanes, View slope,
           View value) const override {
    const Contract c("bpr");
    c.shape("u", u, u.rows, u.cols);
    c.shape("p", p, u.rows, u.cols);
    c.shape("n", n, u.rows, u.cols);
    c.shape("slope", slope, u.rows, 1);
    c.lanes(lanes, u.rows);
    c.shape("value", value, static_cast<Index>(lanes.size()) - 1, 1);
    c.apart("value", value, slope);
    c.apart("slope", slope, u);
    c.apart("slope", slope, p);
    c.apart("slope", slope, n);
    c.apart("value", value, u);
    c.apart("value", value, p);
    c.apart("value", value, n);
    inner_.bpr(u, p, n, lanes, slope, value);
    c.finite("slope", slope);
    c.finite("value", value);
  }

  void bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n, View du,
                View dp, View dn) const override {
    const Contract c("bpr_grad");
    c.shape("a", a, 1, 1);
    c.shape("slope", slope, u.rows, 1);
    c.shape("u", u, u.rows, u.cols);
    c.shape("p", p, u.rows, u.cols);
    c.shape("n", n, u.rows, u.cols);
    c.shape("du", du, u.rows, u.cols);
    c.shape("dp", dp, u.rows, u.cols);
    c.shape("dn", dn, u.rows, u.cols);
    c.apart("du", du, dp);
    c.apart("du", du, dn);
    c.apart("dp", dp, dn);
    c.apart("du", du, a);
    c.apart("du", du, slope);
    c.apart("du", du, u);
    c.apart("du", du, p);
    c.apart("du", du, n);
    c.apart("dp", dp, a);
    c.apart("dp", dp, slope);
    c.apart("dp", dp, u);
    c.apart("dp", dp, p);
    c.apart("dp", dp, n);
    c.apart("dn", dn, a);
    c.apart("dn", dn, slope);
    c.apart("dn", dn, u);
    c.apart("dn", dn, p);
    c.apart("dn", dn, n);
    inner_.bpr_grad(a, slope, u, p, n, du, dp, dn);
    c.finite("du", du);
    c.finite("dp", dp);
    c.finite("dn", dn);
  }

  void half_squares(ConstView x, LaneOffsets lanes, View value) const override {
    const Contract c("half_squares");
    c.shape("x", x, x.rows, x.cols);
    c.lanes(lanes, x.rows);
    c.shape("value", value, static_cast<Index>(lanes.size()) - 1, 1);
    c.apart("value", value, x);
    inner_.half_squares(x, lanes, value);
    c.finite("value", value);
  }

  void axpy_by(ConstView a, ConstView x, View y) const override {
    const Contract c("axpy_by");
    c.shape("a", a, 1, 1);
    c.shape("x", x, y.rows, y.cols);
    c.shape("y", y, y.rows, y.cols);
    c.apart("y", y, a);
    c.apart("y", y, x);
    inner_.axpy_by(a, x, y);
    c.finite("y", y);
  }

  void sgd(const UpdateOptions& o, ConstView g, Rows rows, View w) const override {
    const Contract c("sgd");
    updated(c, g, rows, w);
    c.apart("w", w, g);
    inner_.sgd(o, g, rows, w);
    c.finite("w", w);
  }

  void adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s) const override {
    const Contract c("adagrad");
    updated(c, g, rows, w);
    c.shape("s", s, w.rows, w.cols);
    c.apart("s", s, w);
    c.apart("w", w, g);
    c.apart("s", s, g);
    inner_.adagrad(o, g, rows, w, s);
    c.finite("w", w);
    c.finite("s", s);
  }

  void rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w,
                       View s) const override {
    const Contract c("rowwise_adagrad");
    updated(c, g, rows, w);
    c.shape("s", s, w.rows, 1);
    c.apart("s", s, w);
    c.apart("w", w, g);
    c.apart("s", s, g);
    inner_.rowwise_adagrad(o, g, rows, w, s);
    c.finite("w", w);
    c.finite("s", s);
  }

  void adam(const UpdateOptions& o, ConstView g, View w, View m, View v) const override {
    const Contract c("adam");
    c.shape("g", g, g.rows, g.cols);
    c.shape("w", w, g.rows, g.cols);
    c.shape("m", m, g.rows, g.cols);
    c.shape("v", v, g.rows, g.cols);
    c.between("step", o.step, 1, kNoEnd);
    c.apart("m", m, w);
    c.apart("v", v, w);
    c.apart("v", v, m);
    c.apart("w", w, g);
    c.apart("m", m, g);
    c.apart("v", v, g);
    inner_.adam(o, g, w, m, v);
    c.finite("w", w);
    c.finite("m", m);
    c.finite("v", v);
  }

  void update_top_k(ConstView users, ConstView items, const Index* item_ids, const Masked& masked,
                    TopK best) const override {
    const Contract c("update_top_k");
    c.shape("users", users, users.rows, users.cols);
    c.shape("items", items, items.rows, users.cols);
    c.equal("the number of users of the lists", best.users, users.rows);
    c.masked(masked, users.rows, items.rows);
    inner_.update_top_k(users, items, item_ids, masked, best);
    c.top_k(best, users.rows);
  }
};

}  // namespace

std::unique_ptr<Kernels> make_checked_kernels(const Kernels& inner) {
  return std::make_unique<CheckedKernels>(inner);
}

}  // namespace chorale
