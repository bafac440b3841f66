// Contract `device`: host code needs of a device only what kernels/device.h promises. What runs on
// a device whose memory the host cannot reach, and which works as late as it may, leaves the bits
// that the CPU leaves.
#include "tests/support/on_device.h"

#include <boost/test/unit_test.hpp>

#include <fstream>

#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/export/export.h"
#include "trainer/trainer.h"

namespace chorale::test {
namespace {

namespace fs = std::filesystem;

// Everything that a run in memory tells.
struct Told {
  Outcome outcome;
  std::vector<double> metrics;
  std::vector<Real> edge_weights;  // on one rank only: others hold other edges
  friend bool operator==(const Told&, const Told&) = default;
};

Told told_by(Experiment& e) {
  Told told{train_steps(e, 0, e.steps_per_epoch() + 3), {}, {}};
  for (const Evaluation& found : {e.evaluate(Split::test), e.evaluate(Split::validation),
                                  e.evaluate_popularity(Split::test)}) {
    for (const MetricValue& m : found.values) told.metrics.push_back(m.value);
  }
  const auto edges = e.model().edge_weights();
  if (edges && e.comm().size() == 1) {
    told.edge_weights.resize(static_cast<std::size_t>(edges->size()));
    e.device().download(told.edge_weights.data(), edges->data,
                        told.edge_weights.size() * sizeof(Real));
  }
  return told;
}

Told tell(On device, const v1::Config& config, int ranks) {
  Told told;
  on_ranks(device, config, ranks, [&](Experiment& e) {
    Told mine = told_by(e);
    if (e.comm().rank() == 0) told = std::move(mine);
  });
  return told;
}

void expect_same(const Told& found, const Told& expected) {
  BOOST_TEST(found.outcome.digest == expected.outcome.digest);
  BOOST_TEST(found.outcome.losses == expected.outcome.losses);
  BOOST_TEST(found.metrics == expected.metrics);
  if (!found.edge_weights.empty()) BOOST_TEST((found.edge_weights == expected.edge_weights));
}

// A part of a run with checkpoints; at its end the vectors are exported.
void run_part(On device, const v1::Config& config, const fs::path& out, int ranks,
              Index max_steps = -1) {
  on_ranks(device, config, ranks, [&](Experiment& e) {
    const Exit exit = Trainer(config, e, {.out = out, .max_steps = max_steps}).run();
    if (exit != Exit::finished) return;
    export_vectors({.to = out / "export", .expected_users = 20, .k = 5}, e.comm(), e.device(),
                   e.dataset(), e.nodes(), e.represent(), e.evaluator());
  });
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  BOOST_TEST_REQUIRE(file.good(), path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

struct TinyData {
  TemporaryFolder folder;
  fs::path data = make_tiny_dataset(folder.path());

  v1::Config config(const std::string& name, const std::vector<std::string>& assignments) const {
    return tiny_config(source_folder() / "configs/tiny" / (name + ".pbtxt"), data, assignments);
  }
};

BOOST_FIXTURE_TEST_SUITE(foreign_device, TinyData)

BOOST_AUTO_TEST_CASE(steps_and_metrics_are_those_of_the_cpu) {
  for (const auto& file : tiny_configs()) {
    const v1::Config config = tiny_config(file, data);
    const Told expected = tell(On::cpu, config, 1);
    for (const int ranks : {1, 2, 3}) {
      BOOST_TEST_CONTEXT(file.filename().string() << " on " << ranks << " ranks") {
        expect_same(tell(On::foreign, config, ranks), expected);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(checkpoints_restarts_and_exports_are_those_of_the_cpu) {
  for (const auto& file : tiny_configs()) {
    const v1::Config config = tiny_config(
        file, data, {"train.epochs=2", "eval.every_epochs=1", "checkpoint.every_epochs=1"});
    const fs::path whole = folder.path() / file.stem() / "cpu";
    const fs::path parts = folder.path() / file.stem() / "foreign";
    run_part(On::cpu, config, whole, 1);

    run_part(On::foreign, config, parts, 2, 7);
    run_part(On::foreign, config, parts, 1, 6);
    run_part(On::foreign, config, parts, 2);

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST(verify_checkpoint(resolve_checkpoint(parts)).hex() ==
                 verify_checkpoint(resolve_checkpoint(whole)).hex());
      for (const char* name : {"metrics.jsonl", "final_metrics.json", "export/user_emb.npy",
                               "export/item_emb.npy", "export/expected_topk.tsv"}) {
        BOOST_TEST((content(parts / name) == content(whole / name)), name);
      }
    }
  }
}

// What the tiny configurations leave out.
BOOST_AUTO_TEST_CASE(other_settings_give_the_bits_of_the_cpu) {
  using Settings = std::vector<std::string>;
  for (const auto& [name, settings] : std::vector<std::pair<std::string, Settings>>{
           {"mf", {"optimizer={rate: 0.05 sgd {}}"}},
           {"mf", {"optimizer={rate: 0.05 rowwise_adagrad {}}"}},
           {"mf", {"optimizer={rate: 0.05 adamw {}}"}},
           {"mf", {"model.mf.loss={full_softmax: {}}"}},
           {"lightgcn", {"run.timed=true"}},
           {"kgat", {"model.kgat.aggregator=GRAPHSAGE", "model.kgat.attention=FROZEN_SI"}},
           {"kgat", {"optimizer={rate: 0.05 adagrad {}}"}},
           {"kgat", {"train.batch=32", "model.kgat.aggregator=GCN"}},
           {"sgl", {"model.sgl.augmentation=NODE"}},
           {"ngcf", {"model.ngcf.adjacency=PLAIN"}},
       }) {
    BOOST_TEST_CONTEXT(name << " with " << settings.front()) {
      const v1::Config one = config(name, settings);
      expect_same(tell(On::foreign, one, 2), tell(On::cpu, one, 2));
    }
  }
}

// Sums are then the communicator's, which among threads adds in the order of ranks.
BOOST_AUTO_TEST_CASE(without_lanes_ranks_give_the_bits_of_as_many_ranks_on_cpus) {
  for (const char* name : {"ngcf", "kgat"}) {
    const v1::Config vendor = config(name, {"run.lanes=0"});

    BOOST_TEST_CONTEXT(name) {
      expect_same(tell(On::foreign, vendor, 3), tell(On::cpu, vendor, 3));
    }
  }
}

// For the loss; once more for each logarithm of a sum over all ranks, of which direct_au has two.
BOOST_AUTO_TEST_CASE(the_host_waits_once_a_step) {
  for (const auto& file : tiny_configs()) {
    const auto self = make_self_communicator();
    auto device = make_foreign_device();
    const ForeignDevice& foreign = *device;
    Experiment e(tiny_config(file, data), *self, staged_platform(std::move(device), *self));
    e.train(0);
    const std::uint64_t before = foreign.waits();

    for (Index step = 1; step < 4; ++step) e.train(step);

    const std::uint64_t of_a_step = file.stem() == "direct_au" ? 3 : 1;
    BOOST_TEST(foreign.waits() - before == 3 * of_a_step, file.filename().string());
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_allocated_after_the_second_step) {
  for (const auto& file : tiny_configs()) {
    on_ranks(On::foreign, tiny_config(file, data), 1, [&](Experiment& e) {
      train_steps(e, 0, 2);
      e.tape().reset(2, true);  // the third step's first act: merges what two steps asked for
      const std::uint64_t allocations = e.device().allocations();

      for (Index step = 2; step < 20; ++step) e.train(step);

      require(e.device().allocations() == allocations, "{}: {} more allocations", file.string(),
              e.device().allocations() - allocations);
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
