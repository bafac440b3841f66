// Contract `ranks`: the same bits on any number of ranks, and a demonstration that the test can
// fail.
#include <boost/test/unit_test.hpp>

#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"

namespace chorale::test {
namespace {

Outcome train_on(const v1::Config& config, int ranks, int threads = 1) {
  Outcome outcome;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    Experiment experiment(config, comm, threads);
    const Outcome mine = train_steps(experiment, 0, 10);
    if (comm.rank() == 0) outcome = mine;
  });
  return outcome;
}

BOOST_AUTO_TEST_SUITE(ranks)

BOOST_AUTO_TEST_CASE(ten_steps_leave_the_same_bits_on_any_number_of_ranks) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  for (const auto& file : tiny_configs()) {
    const v1::Config config = tiny_config(file, data);
    const Outcome alone = train_on(config, 1);

    for (const int count : {2, 3, 4, 5, 7}) {
      BOOST_TEST_CONTEXT(file.filename().string() << " on " << count << " ranks") {
        BOOST_TEST((train_on(config, count) == alone));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(threads_of_a_rank_do_not_change_the_bits) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  for (const auto& file : tiny_configs()) {
    const v1::Config config = tiny_config(file, data);

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST((train_on(config, 1, 3) == train_on(config, 1, 1)));
      BOOST_TEST((train_on(config, 2, 2) == train_on(config, 1, 1)));
    }
  }
}

// Sums per rank instead of per lane must show: otherwise equality above would prove nothing.
BOOST_AUTO_TEST_CASE(without_lanes_the_bits_depend_on_the_number_of_ranks) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  for (const auto& file : tiny_configs()) {
    const v1::Config config = tiny_config(file, data, {"run.lanes=0"});

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST((train_on(config, 1) != train_on(config, 3)));
    }
  }
}

BOOST_AUTO_TEST_CASE(checked_decorators_find_nothing_and_change_nothing) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  for (const auto& file : tiny_configs()) {
    const v1::Config checked = tiny_config(file, data, {"run.checked=true", "run.timed=true"});

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST((train_on(checked, 3) == train_on(tiny_config(file, data), 1)));
    }
  }
}

BOOST_AUTO_TEST_CASE(checked_decorators_let_an_evaluation_pass) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  for (const auto& file : tiny_configs()) {
    const auto metrics_of = [&](const v1::Config& config) {
      const auto comm = make_self_communicator();
      Experiment experiment(config, *comm, 1);
      train_steps(experiment, 0, 2);
      std::vector<double> values;
      for (const MetricValue& v : experiment.evaluate(Split::test).values)
        values.push_back(v.value);
      return values;
    };

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST(metrics_of(tiny_config(file, data, {"run.checked=true"})) ==
                 metrics_of(tiny_config(file, data)));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
