// Contracts `learning` and `memory`.
#include <boost/test/unit_test.hpp>

#include "comm/self_communicator.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"

namespace chorale::test {
namespace {

BOOST_AUTO_TEST_SUITE(learning)

BOOST_AUTO_TEST_CASE(a_trained_model_beats_popularity_on_planted_communities) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  for (const auto& file : tiny_configs()) {
    const v1::Config config = tiny_config(file, data);
    const auto comm = make_self_communicator();
    Experiment experiment(config, *comm, 1);
    const double popular = experiment.evaluate_popularity(Split::test).at(Metric::recall, 10);

    train_steps(experiment, 0, config.train().epochs() * experiment.steps_per_epoch());

    const double trained = experiment.evaluate(Split::test).at(Metric::recall, 10);
    BOOST_TEST_CONTEXT(file.filename().string()
                       << ": recall@10 " << trained << ", popularity " << popular) {
      BOOST_TEST(trained > 1.3 * popular);
    }
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_allocated_after_the_second_step) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  for (const auto& file : tiny_configs()) {
    const auto comm = make_self_communicator();
    Experiment experiment(tiny_config(file, data), *comm, 1);
    train_steps(experiment, 0, 2);
    experiment.tape().reset(2,
                            true);  // the third step's first act: merges what two steps asked for
    const std::uint64_t allocations = experiment.device().allocations();
    const std::size_t bytes = experiment.device().bytes_in_use();

    for (Index step = 2; step < 40; ++step) experiment.train(step);

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST(experiment.device().allocations() == allocations);
      BOOST_TEST(experiment.device().bytes_in_use() == bytes);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
