// A layer at the rows that a batch gathers is the layer at all rows, bit for bit, and so is its
// gradient on any number of ranks.
#include "tests/trainer/random_graph.h"

#include <boost/test/unit_test.hpp>

#include <numeric>

#include "comm/thread_communicator.h"
#include "comm/typed.h"
#include "kernels/array.h"
#include "kernels/check.h"
#include "kernels/device.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale::test {
namespace {

struct Found {
  std::vector<Real> rows;     // gathered, of all ranks
  std::vector<Real> nodes;    // the gradient of the nodes' table
  std::vector<Real> weights;  // the gradient of a layer's weight
};

std::vector<Real> numbers(ConstView x) { return {x.data, x.data + x.size()}; }

// Two layers of bi-interaction with dropout, the second at the rows that matter or at all.
Found encoded(int ranks, bool only_gathered) {
  Found found;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    const auto device = make_device({});
    const Lanes lanes = make_lanes(kLanes, ranks, comm.rank());
    const Partition nodes = Partition::uniform(kNodes, lanes);
    std::vector<Index> rows(static_cast<std::size_t>(nodes.local_rows()));
    std::iota(rows.begin(), rows.end(), nodes.first());
    const Array<Index> names(*device, std::span<const Index>(rows));
    Table x(*device, "x", nodes, kColumns, rows, normal_values(1, "x", 1.0));
    const auto weight = [&](const char* name, Index from) {
      return Table(*device, name, lanes, from, kColumns, normal_values(1, name, 0.5));
    };
    Table w_sum = weight("w_sum", kColumns), w_product = weight("w_product", kColumns);
    Table b_sum = weight("b_sum", 1), b_product = weight("b_product", 1);
    const BiInteractionLayer layer{w_sum, b_sum, w_product, b_product, true, 0.2, 0.3};
    const DistCsr a(*device, comm, nodes, nodes, entries(nodes), false);
    const IdColumn users = ids(lanes, 4), items = ids(lanes, 5);
    const IdColumn* const both[] = {&users, &items};
    const auto few = only_gathered ? std::span(both) : std::span<const IdColumn* const>();
    Tape t(*device, comm, lanes, 3);
    t.reset(0, true);

    Var e = t.leaf(x);
    Var first = bi_interaction(e, spmm(a, e), layer, names.span());
    Var own = choose(first, few), others = spmm(a, first, few);
    Var second = bi_interaction(own, others, layer, names.span());
    const Var parts[] = {choose(e, few), normalize_rows(second)};
    Var z = concat(parts);
    require((z.layout() == Layout::chosen) == only_gathered, "the rows are not those asked for");
    Var u = gather(z, users), p = gather(z, items);
    t.backward(bpr_loss(u, p, u));

    const auto of_all = [&](ConstView mine) {
      return gather_all<Real>(comm.host(), std::vector<Real>(numbers(mine)));
    };
    std::vector<Real> gathered = of_all(u.value()), more = of_all(p.value());
    gathered.insert(gathered.end(), more.begin(), more.end());
    const ConstView dx =
        x.gradient().reduce_dense(t.arena(), comm, lanes, nodes.local_rows(), kColumns);
    const std::vector<Real> of_nodes = of_all(dx);
    const ConstView dw = w_sum.gradient().reduce_dense(t.arena(), comm, lanes, kColumns, kColumns);
    if (comm.rank() == 0) found = {gathered, of_nodes, numbers(dw)};
  });
  return found;
}

BOOST_AUTO_TEST_SUITE(chosen_rows)

BOOST_AUTO_TEST_CASE(a_layer_at_few_rows_is_the_layer_at_all_rows) {
  const Found alone = encoded(1, true);
  BOOST_TEST(alone.rows.size() == static_cast<std::size_t>(2 * kBatch * 2 * kColumns));
  for (const int ranks : {1, 2, 3}) {
    BOOST_TEST_CONTEXT(ranks << " ranks") {
      const Found few = encoded(ranks, true), all = encoded(ranks, false);
      BOOST_TEST(few.rows == all.rows);
      BOOST_TEST(few.nodes == all.nodes);
      BOOST_TEST(few.rows == alone.rows);
      BOOST_TEST(few.nodes == alone.nodes);
      BOOST_TEST(few.weights == alone.weights);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
