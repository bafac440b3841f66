// The contrast ops on several ranks: values, losses and gradients are the bits of one rank.
#include <boost/test/unit_test.hpp>
#include <vector>

#include "comm/thread_communicator.h"
#include "comm/typed.h"
#include "kernels/device.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale::test {
namespace {

// Lanes and ranks end inside blocks of 128 rows.
constexpr Index kNodes = 700, kBatch = 330, kDim = 20;
constexpr int kLanes = 11;

std::vector<Index> rows_of(const Partition& p) {
  std::vector<Index> rows;
  for (Index i = p.first(); i < p.last(); ++i) rows.push_back(i);
  return rows;
}

struct Outcome {
  std::vector<Real> numbers;
  friend bool operator==(const Outcome&, const Outcome&) = default;

  void add(Communicator& comm, ConstView mine) {
    const std::span<const Real> part(mine.data, static_cast<std::size_t>(mine.size()));
    const std::vector<Real> all = gather_all<Real>(comm, part);
    numbers.insert(numbers.end(), all.begin(), all.end());
  }
};

Outcome step(Communicator& comm, int threads) {
  const std::unique_ptr<Device> device = make_device({.threads = threads});
  const Lanes lanes = make_lanes(kLanes, comm.size(), comm.rank());
  const Partition nodes = Partition::uniform(kNodes, lanes);
  const Partition batch = Partition::uniform(kBatch, lanes);
  const std::vector<Index> numbers = rows_of(nodes);
  const Array<Index> names(*device, std::span<const Index>(numbers));
  Table x(*device, "x", nodes, kDim, numbers, normal_values(1, "x", 1.0));
  Table y(*device, "y", nodes, kDim, numbers, normal_values(1, "y", 1.0));
  IdColumn ids{batch, {}};
  for (const Index i : rows_of(batch)) ids.rows.push_back(i * 17 % kNodes);
  Tape tape(*device, comm, lanes, 5);

  tape.reset(2, true);
  const Var noisy = add_noise(tape.leaf(x), 0.1, names.span());
  const Var a = normalize_rows(noisy),
            b = normalize_rows(drop_rows(tape.leaf(y), 0.1, names.span()));
  const Var others = exp_self_sums(a, 2.0, 1.0) + exp_sums(a, b, 2.0, 1.0);
  const Var in_batch = gather(tape.leaf(x), ids);
  const Var softmax = log_exp_sums(in_batch, ids.rows, tape.leaf(y), numbers, 0.5);
  const Var both = log_exp_sums(in_batch, in_batch, 0.25);
  const Var loss =
      sum(log(others) + -2.0 * row_dots(a, b)) + 0.1 * sum(softmax) + log_of(sum(exp(both)));
  const double total = tape.total(loss);
  tape.backward(loss);

  Outcome outcome{{static_cast<Real>(total)}};
  for (const Var v : {others, softmax, both}) outcome.add(comm, v.value());
  for (Table* t : {&x, &y}) {
    outcome.add(comm, t->gradient().reduce_dense(tape.arena(), comm, lanes, t->local_rows(), kDim));
  }
  return outcome;
}

Outcome step_on(int ranks, int threads) {
  Outcome outcome;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    const Outcome mine = step(comm, threads);
    if (comm.rank() == 0) outcome = mine;
  });
  return outcome;
}

BOOST_AUTO_TEST_SUITE(contrast_ops)

BOOST_AUTO_TEST_CASE(contrast_has_the_same_bits_on_any_ranks_and_threads) {
  const Outcome alone = step_on(1, 1);

  BOOST_TEST(alone.numbers.size() ==
             static_cast<std::size_t>(1 + kNodes + 2 * kBatch + 2 * kNodes * kDim));
  for (const int ranks : {2, 3, 5}) BOOST_TEST((step_on(ranks, 1) == alone), ranks << " ranks");
  BOOST_TEST((step_on(1, 3) == alone));
  BOOST_TEST((step_on(2, 2) == alone));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
