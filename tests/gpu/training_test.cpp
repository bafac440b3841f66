// Every tiny configuration on GPUs: near the CPU, the same bits on any number of ranks (which share
// a GPU where there are more ranks than GPUs), and the same bits after a restart.
#include <boost/test/unit_test.hpp>

#include <cmath>

#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "tests/gpu/gpus.h"
#include "tests/support/table_memory.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/trainer.h"

namespace chorale::test {
namespace {

namespace fs = std::filesystem;

struct Trained {
  std::vector<double> losses;
  std::vector<Real> before, after;  // all parameters
};

std::vector<Real> parameters(Experiment& e) {
  std::vector<Real> all;
  for (const Table* table : e.tables()) {
    const std::size_t begin = all.size();
    all.resize(begin + static_cast<std::size_t>(table->values().size()));
    e.device().download(all.data() + begin, table->values().data,
                        (all.size() - begin) * sizeof(Real));
  }
  return all;
}

Trained three_steps(const v1::Config& config) {
  const auto self = make_self_communicator();
  Experiment e(config, *self, 1);
  Trained t{{}, parameters(e), {}};
  t.losses = train_steps(e, 0, 3).losses;
  t.after = parameters(e);
  return t;
}

double distance(const std::vector<Real>& a, const std::vector<Real>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

Outcome train_on(const v1::Config& config, int ranks) {
  Outcome outcome;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    Experiment e(config, comm, 1);
    const Outcome mine = train_steps(e, 0, 10);
    if (comm.rank() == 0) outcome = mine;
  });
  return outcome;
}

void run_part(const v1::Config& config, const fs::path& out, int ranks, Index max_steps = -1) {
  run_thread_ranks(ranks, [&](Communicator& comm) {
    Experiment e(config, comm, 1);
    Trainer(config, e, {.out = out, .max_steps = max_steps}).run();
  });
}

struct TinyData {
  TemporaryFolder folder;
  fs::path data = make_tiny_dataset(folder.path());

  v1::Config on_gpu(const fs::path& file, std::vector<std::string> assignments = {}) const {
    assignments.insert(assignments.begin(), "device=CUDA");
    return tiny_config(file, data, assignments);
  }
};

BOOST_FIXTURE_TEST_SUITE(gpu_training, TinyData, *boost::unit_test::precondition(has_gpu))

// A loss is a sum of up to some thousand roundings of 6e-8 of its terms: 1e-4 of it. An entry whose
// gradient cancels may go the other way, as Adam makes all steps equally long, so parameters are
// compared as a whole: within a hundredth of the way they went.
BOOST_AUTO_TEST_CASE(three_steps_are_near_those_of_the_cpu) {
  for (const auto& file : tiny_configs()) {
    const Trained cpu = three_steps(tiny_config(file, data));
    for (const char* sparse : {"run.sparse=OWN", "run.sparse=CUSPARSE"}) {
      const Trained gpu = three_steps(on_gpu(file, {sparse}));

      BOOST_TEST_CONTEXT(file.filename().string() << " with " << sparse) {
        BOOST_TEST(gpu.before == cpu.before, boost::test_tools::per_element());
        for (std::size_t i = 0; i < cpu.losses.size(); ++i) {
          BOOST_TEST(std::abs(gpu.losses[i] - cpu.losses[i]) <= 1e-4 * std::abs(cpu.losses[i]));
        }
        BOOST_TEST(distance(gpu.after, cpu.after) <= 0.01 * distance(cpu.after, cpu.before));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(any_number_of_ranks_leaves_the_same_bits) {
  for (const auto& file : tiny_configs()) {
    const Outcome alone = train_on(on_gpu(file), 1);

    for (const int ranks : {2, 3}) {
      BOOST_TEST_CONTEXT(file.filename().string() << " on " << ranks << " ranks") {
        BOOST_TEST((train_on(on_gpu(file), ranks) == alone));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_restart_leaves_the_same_bits) {
  for (const auto& file : tiny_configs()) {
    const v1::Config config =
        on_gpu(file, {"train.epochs=2", "eval.every_epochs=1", "checkpoint.every_epochs=1"});
    const fs::path whole = folder.path() / file.stem() / "whole";
    const fs::path parts = folder.path() / file.stem() / "parts";
    run_part(config, whole, 1);

    run_part(config, parts, 2, 7);
    run_part(config, parts, 1);

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST(verify_checkpoint(resolve_checkpoint(parts)).hex() ==
                 verify_checkpoint(resolve_checkpoint(whole)).hex());
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_in_host_memory_leave_the_bits_of_rows_on_the_gpu) {
  for (const SampledModel& model : sampled_models()) {
    const Outcome expected = train_on(sampled_config(model, data, 0, {"device=CUDA"}), 1);
    const v1::Config tiered = sampled_config(model, data, 90, {"device=CUDA"});

    BOOST_TEST_CONTEXT(model.name << " " << model.settings.front()) {
      for (const int ranks : {1, 2}) BOOST_TEST((train_on(tiered, ranks) == expected));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
