// Contract `table_memory`: rows in host memory leave the bits that rows in device memory leave, on
// any number of ranks, on a CPU and on a device that fetches them as early as it may.
#include <boost/test/unit_test.hpp>

#include <fstream>

#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "tests/support/on_device.h"
#include "tests/support/table_memory.h"
#include "tests/support/temporary_folder.h"
#include "trainer/export/export.h"
#include "trainer/trainer.h"

namespace chorale::test {
namespace {

namespace fs = std::filesystem;

constexpr Index kPlaces = 90;

struct Told {
  Outcome outcome;
  std::vector<double> metrics;
};

// Steps, an evaluation amid them, and more steps.
Told tell(On device, const v1::Config& config, int ranks, bool tier) {
  Told told;
  on_ranks(device, config, ranks, [&](Experiment& e) {
    require(has_host_tier(e) == tier, "a host tier: {}", has_host_tier(e));
    Told mine{train_steps(e, 0, 20), {}};
    for (const Split split : {Split::test, Split::validation}) {
      for (const MetricValue& m : e.evaluate(split).values) mine.metrics.push_back(m.value);
    }
    const Outcome rest = train_steps(e, 20, 30);
    mine.outcome.digest = rest.digest;
    mine.outcome.losses.insert(mine.outcome.losses.end(), rest.losses.begin(), rest.losses.end());
    if (e.comm().rank() == 0) told = std::move(mine);
  });
  return told;
}

void run_part(On device, const v1::Config& config, const fs::path& out, int ranks,
              Index max_steps = -1) {
  on_ranks(device, config, ranks, [&](Experiment& e) {
    const Exit exit = Trainer(config, e, {.out = out, .max_steps = max_steps}).run();
    if (exit != Exit::finished) return;
    export_vectors({.to = out / "export", .expected_users = 20, .k = 5}, e.comm(), e.device(),
                   e.dataset(), e.nodes(), e.represent(), e.evaluator());
  });
}

struct TinyData {
  TemporaryFolder folder;
  fs::path data = make_tiny_dataset(folder.path());
  SampledModel adagrad = sampled_models()[1];
};

BOOST_FIXTURE_TEST_SUITE(table_memory, TinyData)

BOOST_AUTO_TEST_CASE(rows_in_host_memory_leave_the_bits_of_rows_on_the_device) {
  for (const SampledModel& model : sampled_models()) {
    const Told expected = tell(On::cpu, sampled_config(model, data, 0), 1, false);
    const v1::Config config = sampled_config(model, data, kPlaces);
    for (const On device : {On::cpu, On::foreign}) {
      for (const int ranks : {1, 2, 3}) {
        BOOST_TEST_CONTEXT(model.name << " " << model.settings.front() << " on " << ranks
                                      << " ranks, foreign " << (device == On::foreign)) {
          const Told found = tell(device, config, ranks, true);
          BOOST_TEST(found.outcome.digest == expected.outcome.digest);
          BOOST_TEST(found.outcome.losses == expected.outcome.losses);
          BOOST_TEST(found.metrics == expected.metrics);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_run_may_be_continued_with_another_table_memory) {
  const std::vector<std::string> settings = {"train.epochs=1", "checkpoint.every_steps=50"};
  const v1::Config plain = sampled_config(adagrad, data, 0, settings);
  const v1::Config tiered = sampled_config(adagrad, data, kPlaces, settings);
  const fs::path whole = folder / "whole", parts = folder / "parts";
  run_part(On::cpu, plain, whole, 1);

  run_part(On::foreign, tiered, parts, 1, 31);
  run_part(On::cpu, tiered, parts, 2, 30);
  run_part(On::cpu, plain, parts, 3, 29);
  run_part(On::foreign, tiered, parts, 1);

  BOOST_TEST(verify_checkpoint(resolve_checkpoint(parts)).hex() ==
             verify_checkpoint(resolve_checkpoint(whole)).hex());
  for (const char* name : {"metrics.jsonl", "final_metrics.json", "export/user_emb.npy",
                           "export/item_emb.npy", "export/expected_topk.tsv"}) {
    BOOST_TEST((read_text(parts / name) == read_text(whole / name)), name);
  }
}

BOOST_AUTO_TEST_CASE(checked_decorators_find_nothing_and_change_nothing) {
  const v1::Config checked =
      sampled_config(adagrad, data, kPlaces, {"run.checked=true", "run.timed=true"});

  const auto digest = [&](const v1::Config& config, int ranks) {
    std::string found;
    on_ranks(On::cpu, config, ranks, [&](Experiment& e) {
      const Outcome mine = train_steps(e, 0, 20);
      if (e.comm().rank() == 0) found = mine.digest;
    });
    return found;
  };

  BOOST_TEST(digest(checked, 2) == digest(sampled_config(adagrad, data, 0), 1));
}

BOOST_AUTO_TEST_CASE(the_host_waits_once_a_step_and_asks_for_no_more_memory) {
  const auto self = make_self_communicator();
  auto device = make_foreign_device();
  const ForeignDevice& foreign = *device;
  Experiment e(sampled_config(adagrad, data, kPlaces), *self,
               staged_platform(std::move(device), *self));
  for (Index step = 0; step < 2; ++step) e.train(step);
  e.tape().reset(2, true);
  const std::uint64_t waits = foreign.waits(), allocations = foreign.allocations();

  for (Index step = 2; step < 12; ++step) e.train(step);

  BOOST_TEST(foreign.waits() == waits + 10);
  BOOST_TEST(foreign.allocations() == allocations);
}

BOOST_AUTO_TEST_CASE(a_plan_counts_what_a_run_takes_of_the_device_and_of_the_host) {
  const v1::Config config = sampled_config(adagrad, data, kPlaces);
  for (const int ranks : {1, 3}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      Experiment real(config, comm, 1);
      const std::unique_ptr<Experiment> plan = Experiment::plan(config, comm, PlanKind::exact);
      for (Experiment* e : {&real, plan.get()}) {
        e->train(0);
        e->train(e->steps_per_epoch() - 1);
        e->represent();
      }

      const Table& table = *plan->tables().front();
      const auto bytes = static_cast<std::size_t>(table.local_rows()) * 24 * sizeof(Real);
      require(plan->device().peak_bytes() == real.device().peak_bytes(), "plan {}, run {}",
              plan->device().peak_bytes(), real.device().peak_bytes());
      require(
          plan->device().host_bytes_in_use() == bytes && real.device().host_bytes_in_use() == bytes,
          "of the host: plan {}, run {}, expected {}", plan->device().host_bytes_in_use(),
          real.device().host_bytes_in_use(), bytes);
      const std::size_t on_device = std::size_t{kPlaces} * 24 * sizeof(Real);
      require(table.bytes_off_device() == bytes - on_device, "off the device: {}, expected {}",
              table.bytes_off_device(), bytes - on_device);
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(too_little_for_the_rows_of_batches_is_refused) {
  const auto self = make_self_communicator();

  const Error error = error_of([&] { Experiment(sampled_config(adagrad, data, 71), *self, 1); });

  BOOST_TEST((error.code() == Exit::usage));
  BOOST_TEST(says(error, "run.table_memory: found 0.0065"));
  BOOST_TEST(error.hint().find("give at least 0.007") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(models_and_optimizers_that_need_all_rows_are_refused) {
  using Settings = std::vector<std::string>;
  const std::string model = "this model and loss read all rows", moved = "this optimizer moves all";
  for (const auto& [name, settings, what] :
       std::vector<std::tuple<std::string, Settings, std::string>>{
           {"lightgcn", {"optimizer={sgd {}}"}, model},
           {"kgat", {"optimizer={sgd {}}"}, model},
           {"mf", {"model.mf.loss={full_softmax: {}}"}, model},
           {"direct_au", {"optimizer={sgd {}}"}, model},
           {"mf", {"optimizer={adam {}}"}, moved},
           {"mf", {"optimizer={adamw {}}"}, moved},
           {"mf", {"optimizer={sgd {l2: 1e-4}}"}, moved},
           {"mf", {"optimizer={adagrad {l2: 1e-4}}"}, moved}}) {
    Settings all = settings;
    all.push_back("run.table_memory=1");

    const Error error = error_of(
        [&] { tiny_config(source_folder() / "configs/tiny" / (name + ".pbtxt"), data, all); });

    BOOST_TEST_CONTEXT(name << " with " << settings.front()) {
      BOOST_TEST((error.code() == Exit::usage));
      BOOST_TEST(says(error, "run.table_memory: found 1, but " + what));
      BOOST_TEST(error.hint().find("0 keeps tables on the device") == 0u);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
