// Contract `restart`: a run is its first steps, a checkpoint and the others, on the same or on
// another number of ranks.
#include <boost/test/unit_test.hpp>

#include <fstream>

#include "comm/thread_communicator.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/trainer.h"

namespace chorale::test {
namespace {

Exit train(const v1::Config& config, const std::filesystem::path& out, int ranks,
           Index max_steps = -1) {
  Exit exit = Exit::internal;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    Experiment experiment(config, comm, 1);
    const Exit mine = Trainer(config, experiment, {.out = out, .max_steps = max_steps}).run();
    if (comm.rank() == 0) exit = mine;
  });
  return exit;
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string digest_of_run(const std::filesystem::path& run) {
  return verify_checkpoint(resolve_checkpoint(run)).hex();
}

BOOST_AUTO_TEST_SUITE(restart)

BOOST_AUTO_TEST_CASE(an_interrupted_run_ends_with_the_bits_of_an_uninterrupted_one) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  for (const auto& file : tiny_configs()) {
    const v1::Config config = tiny_config(
        file, data, {"train.epochs=3", "eval.every_epochs=1", "checkpoint.every_epochs=1"});
    const auto name = file.stem().string();
    BOOST_TEST((train(config, folder.path() / name, 1) == Exit::finished));
    const std::string expected = digest_of_run(folder.path() / name);

    for (const auto& [first, second] :
         std::vector<std::pair<int, int>>{{1, 1}, {1, 3}, {3, 2}, {4, 1}}) {
      const auto run = folder.path() / fmt::format("{}-{}-{}", name, first, second);
      BOOST_TEST_CONTEXT(run.filename().string()) {
        // Amid an epoch; where epochs are short, after one has refreshed what the next depends on.
        BOOST_TEST((train(config, run, first, 13) == Exit::stopped));
        BOOST_TEST(digest_of_run(run) != expected);
        BOOST_TEST((train(config, run, second) == Exit::finished));
        BOOST_TEST(digest_of_run(run) == expected);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_metrics_of_an_interrupted_run_are_those_of_an_uninterrupted_one) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  const v1::Config config =
      tiny_config(tiny_configs().front(), data, {"train.epochs=3", "eval.every_epochs=1"});
  const auto lines = [](const std::filesystem::path& run) {
    return content(run / "metrics.jsonl");
  };
  train(config, folder.path() / "whole", 1);

  train(config, folder.path() / "parts", 2, 3);
  train(config, folder.path() / "parts", 1, 20);
  train(config, folder.path() / "parts", 3);

  BOOST_TEST(lines(folder.path() / "whole") == lines(folder.path() / "parts"));
  BOOST_TEST(!lines(folder.path() / "whole").empty());
}

// Two metrics are watched, and the run is interrupted before and after its best epoch.
BOOST_AUTO_TEST_CASE(an_interrupted_run_stops_early_where_an_uninterrupted_one_does) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  const v1::Config config =
      tiny_config(source_folder() / "configs/tiny/mf.pbtxt", data,
                  {"train.epochs=60", "eval.every_epochs=1", "eval.k=10",
                   "train.early_stop.metric=recall@10,ndcg@10", "train.early_stop.patience=3"});
  const auto whole = folder.path() / "whole", parts = folder.path() / "parts";
  train(config, whole, 1);
  const RunState end = RunFolder::read_state(whole);
  BOOST_TEST_REQUIRE(end.epoch < 60);
  const Index steps_per_epoch = end.step / end.epoch;

  for (Index left = end.step; left > 0; left -= steps_per_epoch + 1) {
    const Exit exit = train(config, parts, left % 2 == 0 ? 1 : 2, steps_per_epoch + 1);
    if (exit == Exit::finished) break;
  }

  BOOST_TEST(RunFolder::read_state(parts).state == "finished");
  BOOST_TEST(RunFolder::read_state(parts).restarts > 3);
  for (const char* file : {"metrics.jsonl", "final_metrics.json"}) {
    BOOST_TEST(content(whole / file) == content(parts / file));
  }
  BOOST_TEST(content(whole / "final_metrics.json").find("\"watched\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(another_configuration_cannot_continue_a_run) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  const auto file = tiny_configs().front();
  train(tiny_config(file, data), folder.path() / "run", 1, 2);

  const auto other = tiny_config(file, data, {"train.seed=8"});

  BOOST_CHECK_EXCEPTION(train(other, folder.path() / "run", 1), Error,
                        [](const Error& e) { return e.code() == Exit::checkpoint; });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
