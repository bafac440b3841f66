// Propagation to the rows that a batch gathers, and back from them alone, is propagation to all
// rows, bit for bit, on any number of ranks.
#include "tests/trainer/random_graph.h"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <numeric>
#include <vector>

#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "comm/typed.h"
#include "kernels/bf16.h"
#include "kernels/check.h"
#include "kernels/device.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale::test {
namespace {

// Gathered rows, then the gradient of x, of all ranks.
std::vector<Real> propagated(int ranks, std::vector<double> coefficients, bool only_gathered,
                             bool bf16) {
  std::vector<Real> found;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    const auto device = make_device({});
    const Lanes lanes = make_lanes(kLanes, ranks, comm.rank());
    const Partition nodes = Partition::uniform(kNodes, lanes);
    std::vector<Index> names;
    for (Index i = nodes.first(); i < nodes.last(); ++i) names.push_back(i);
    Table x(*device, "x", nodes, kColumns, names, normal_values(1, "x", 1.0));
    const DistCsr a(*device, comm, nodes, nodes, entries(nodes), false);
    const IdColumn users = ids(lanes, 4), items = ids(lanes, 5);
    Tape t(*device, comm, lanes, 3);
    t.propagate_in_bf16(bf16);
    t.reset(0, true);

    const IdColumn* const both[] = {&users, &items};
    Var y = only_gathered ? propagate(a, t.leaf(x), coefficients, both)
                          : propagate(a, t.leaf(x), coefficients);
    Var u = gather(y, users), p = gather(y, items);
    t.backward(bpr_loss(u, p, u));
    const ConstView dx =
        x.gradient().reduce_dense(t.arena(), comm, lanes, nodes.local_rows(), kColumns);

    std::vector<Real> all;
    for (const ConstView part : {ConstView(u.value()), ConstView(p.value()), dx}) {
      const std::span<const Real> mine(part.data, static_cast<std::size_t>(part.size()));
      const std::vector<Real> of_all = gather_all<Real>(comm.host(), mine);
      all.insert(all.end(), of_all.begin(), of_all.end());
    }
    if (comm.rank() == 0) found = all;
  });
  return found;
}

BOOST_AUTO_TEST_SUITE(propagation)

BOOST_AUTO_TEST_CASE(rows_that_are_gathered_are_all_that_matters) {
  for (const std::vector<double>& c :
       {std::vector<double>{0.5}, {0.25, 0.75}, {0.4, 0.3, 0.2}, {0.0, 0.0, 0.0, 1.0}}) {
    for (const bool bf16 : {false, true}) {
      const std::vector<Real> alone = propagated(1, c, false, bf16);
      BOOST_TEST(alone.size() == static_cast<std::size_t>((2 * kBatch + kNodes) * kColumns));
      for (const int ranks : {1, 2, 3}) {
        const std::vector<Real> whole = propagated(ranks, c, false, bf16);

        BOOST_TEST_CONTEXT(c.size() << " coefficients on " << ranks << " ranks, bf16 " << bf16) {
          BOOST_TEST((propagated(ranks, c, true, bf16) == whole));
          BOOST_TEST((whole == alone));
        }
      }
    }
  }
}

// A step on one rank with a table of so many columns and nothing but its batch's rows gathered.
template <class Body>
void with_propagation(Index columns, const Body& body) {
  const auto device = make_device({});
  const auto comm = make_self_communicator();
  const Lanes lanes = make_lanes(kLanes, 1, 0);
  const Partition nodes = Partition::uniform(kNodes, lanes);
  std::vector<Index> names(kNodes);
  std::iota(names.begin(), names.end(), Index{0});
  Table x(*device, "x", nodes, columns, names, normal_values(1, "x", 1.0));
  const DistCsr a(*device, *comm, nodes, nodes, entries(nodes), false);
  Tape t(*device, *comm, lanes, 3);
  body(t, x, a);
}

BOOST_AUTO_TEST_CASE(scoring_takes_columns_in_panels_with_the_same_bits) {
  with_propagation(70, [](Tape& t, Table& x, const DistCsr& a) {
    const double c[] = {0.4, 0.3, 0.2, 0.1};
    t.reset(0, true);
    const ConstView whole = propagate(a, t.leaf(x), c).value();
    const std::vector<Real> expected(whole.data, whole.data + whole.size());
    t.reset(0, false);
    const ConstView panels = propagate(a, t.leaf(x), c).value();

    BOOST_TEST(std::vector<Real>(panels.data, panels.data + panels.size()) == expected);
  });
}

// Four columns of marks, 3 x 13 gathered rows and their gradients stand beside the two.
BOOST_AUTO_TEST_CASE(a_step_needs_two_matrices_beside_the_table) {
  with_propagation(64, [](Tape& t, Table& x, const DistCsr& a) {
    const double c[] = {0.4, 0.3, 0.2, 0.1};
    const IdColumn users = ids(t.lanes(), 4);
    const IdColumn* const gathered[] = {&users};
    t.reset(0, true);
    Var u = gather(propagate(a, t.leaf(x), c, gathered), users);
    t.backward(half_squares(u));

    const Index extra = 4 * kNodes + 6 * kBatch * 64 + 1024;
    BOOST_TEST(t.arena().high_water() <
               static_cast<std::size_t>(2 * kNodes * 64 + extra) * sizeof(Real));
    BOOST_TEST(x.gradient().is_dense());
  });
}

BOOST_AUTO_TEST_CASE(chosen_rows_are_no_others) {
  with_propagation(kColumns, [](Tape& t, Table& x, const DistCsr& a) {
    const double c[] = {0.5, 0.5};
    const IdColumn users = ids(t.lanes(), 4), others = ids(t.lanes(), 5);
    const IdColumn* const gathered[] = {&users};
    const IdColumn* const others_gathered[] = {&others};
    t.reset(0, true);
    Var y = propagate(a, t.leaf(x), c, gathered);

    BOOST_TEST((y.layout() == Layout::chosen));
    BOOST_TEST((choose(y, gathered).id == y.id));
    BOOST_TEST((y + choose(t.leaf(x), gathered)).rows() == y.rows());
    BOOST_CHECK_THROW(half_squares(y), Error);
    BOOST_CHECK_THROW(spmm(a, y), Error);
    BOOST_CHECK_THROW(choose(y, others_gathered), Error);
    BOOST_CHECK_THROW(y + t.leaf(x), Error);
    BOOST_CHECK_THROW(y + choose(t.leaf(x), others_gathered), Error);
    BOOST_CHECK_THROW(gather(y, others), Error);
  });
}

// Integers and a matrix of powers of two, so that every sum is exact and only rounding to bf16,
// where the mode says so, is left.
class Exact {
 public:
  Exact() {
    for (Index e = 0; e < 5 * kNodes; ++e) {
      const auto at = [&](std::uint64_t step) { return static_cast<Index>(draw(step, e, kNodes)); };
      entries_.push_back({at(1), at(2), std::ldexp(Real(1), -static_cast<int>(draw(3, e, 3)))});
    }
  }

  std::vector<Triplet> of(const Partition& nodes) const {
    std::vector<Triplet> mine;
    for (const Triplet& t : entries_) {
      if (nodes.owns(t.row)) mine.push_back(t);
    }
    return mine;
  }
  std::vector<Real> times(const std::vector<Real>& x, bool transposed) const {
    std::vector<Real> y(kNodes, 0);
    for (const Triplet& t : entries_) {
      const auto to = static_cast<std::size_t>(transposed ? t.column : t.row),
                 from = static_cast<std::size_t>(transposed ? t.row : t.column);
      y[to] += t.value * x[from];
    }
    return y;
  }

 private:
  std::vector<Triplet> entries_;
};

std::vector<Real> rounded(std::vector<Real> x) {
  for (Real& v : x) v = widen(round_to_bf16(v));
  return x;
}

std::vector<Real> sum(Real a, const std::vector<Real>& x, const std::vector<Real>& y) {
  std::vector<Real> z;
  for (std::size_t i = 0; i < x.size(); ++i) z.push_back(a * x[i] + y[i]);
  return z;
}

std::vector<Real> some_integers(std::uint64_t name) {
  std::vector<Real> x;
  for (Index i = 0; i < kNodes; ++i) x.push_back(static_cast<Real>(draw(name, i, 2000)) - 1000);
  return x;
}

BOOST_AUTO_TEST_CASE(layers_in_bf16_are_rounded_where_they_are_stored_and_nowhere_else) {
  const Exact exact;
  const std::vector<Real> x = some_integers(21), g = some_integers(22);
  const auto device = make_device({});
  const auto self = make_self_communicator();
  const Lanes lanes = make_lanes(kLanes, 1, 0);
  const Partition nodes = Partition::uniform(kNodes, lanes);
  std::vector<Index> names(kNodes);
  std::iota(names.begin(), names.end(), Index{0});
  const auto table = [&](const char* name, const std::vector<Real>& values) {
    return Table(*device, name, nodes, 1, names,
                 [&](Index row, Index) { return values[static_cast<std::size_t>(row)]; });
  };
  Table tx = table("x", x), tg = table("g", g);
  const DistCsr a(*device, *self, nodes, nodes, exact.of(nodes), false);
  Tape t(*device, *self, lanes, 3);
  t.propagate_in_bf16(true);
  t.reset(0, true);
  const double c[] = {0.5, 0.25, 2};

  Var y = propagate(a, t.leaf(tx), c);
  t.backward(sum(multiply(y, t.leaf(tg))));

  const std::vector<Real> layer = rounded(exact.times(rounded(x), false));
  std::vector<Real> expected(kNodes, 0);
  expected = sum(Real(0.5), x, expected);
  expected = sum(Real(0.25), layer, expected);
  expected = sum(2, exact.times(layer, false), expected);
  const std::vector<Real> found(y.value().data, y.value().data + kNodes);
  BOOST_TEST(found == expected, boost::test_tools::per_element());

  std::vector<Real> h = rounded(sum(2, g, std::vector<Real>(kNodes, 0)));
  h = rounded(exact.times(h, true));
  h = rounded(sum(Real(0.25), g, h));
  const std::vector<Real> dx = sum(Real(0.5), g, exact.times(h, true));
  const ConstView gradient = tx.gradient().reduce_dense(t.arena(), *self, lanes, kNodes, 1);
  BOOST_TEST(std::vector<Real>(gradient.data, gradient.data + kNodes) == dx,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
