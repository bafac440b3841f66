// Rows in host memory on the emulated GPU: the same bits, and tables that the GPU could not hold.
#include <boost/test/unit_test.hpp>

#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "tests/emulated_gpu/emulated_gpu.h"
#include "tests/support/table_memory.h"
#include "tests/support/temporary_folder.h"
#include "trainer/trainer.h"

namespace chorale::test {
namespace {

struct TinyData {
  TemporaryFolder folder;
  std::filesystem::path data = make_tiny_dataset(folder.path());
  SampledModel adagrad = sampled_models()[1];

  v1::Config on_gpu(const SampledModel& model, Index rows,
                    std::vector<std::string> more = {}) const {
    more.push_back("device=CUDA");
    return sampled_config(model, data, rows, more);
  }
};

// As a run does it: a step is enqueued before the last one's loss is asked for.
Outcome train_ahead(Experiment& e, Index steps) {
  Outcome outcome;
  for (Index step = 0; step < steps; ++step) {
    e.begin(step, false);
    if (e.under_way() > 1) outcome.losses.push_back(e.finish().loss);
  }
  outcome.losses.push_back(e.finish().loss);
  outcome.digest = digest_of_tables(e.comm(), e.tables()).hex();
  return outcome;
}

Outcome train(const v1::Config& config, int ranks, bool tier, bool hurries = false) {
  Outcome outcome;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    hurry_aside(hurries);
    Experiment e(config, comm, 1);
    require(has_host_tier(e) == tier, "a host tier: {}", has_host_tier(e));
    const Outcome mine = train_ahead(e, 12);
    if (comm.rank() == 0) outcome = mine;
  });
  return outcome;
}

BOOST_FIXTURE_TEST_SUITE(table_memory, TinyData)

BOOST_AUTO_TEST_CASE(rows_in_host_memory_leave_the_bits_of_rows_on_the_gpu) {
  for (const SampledModel& model : sampled_models()) {
    const Outcome expected = train(on_gpu(model, 0), 1, false);
    const v1::Config tiered = on_gpu(model, 90);
    const v1::Config by_kernel = on_gpu(model, 90, {"run.step_graph=false"});

    BOOST_TEST_CONTEXT(model.name << " " << model.settings.front()) {
      for (const bool hurries : {false, true}) {
        BOOST_TEST((train(tiered, 1, true, hurries) == expected));
        BOOST_TEST((train(by_kernel, 1, true, hurries) == expected));
        BOOST_TEST((train(tiered, 3, true, hurries) == expected));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_runs_aside_stands_behind_its_mark_and_before_what_follows) {
  for (const bool hurries : {false, true}) {
    hurry_aside(hurries);
    const auto gpu = make_device({.kind = DeviceKind::cuda});
    const Kernels& k = gpu->kernels();
    const Array<LocalIndex> first(*gpu, std::vector<LocalIndex>{0});
    const Array<Real> y(*gpu, 2);
    const View x(static_cast<Real*>(gpu->allocate_host(sizeof(Real))), 1, 1);
    k.fill(1, x);
    const Index mark = gpu->mark();
    gpu->begin_step();  // what is aside is in no graph
    k.fill(2, x);
    gpu->begin_aside(mark);
    k.gather_rows(x, first.span(), {y.data(), 1, 1});
    gpu->end_aside();
    k.copy({y.data(), 1, 1}, {y.data() + 1, 1, 1});
    gpu->end_step();

    // Aside before the graph in any case: the whole graph stands behind it.
    BOOST_TEST(y.download() == (std::vector<Real>{1, 1}));
    gpu->begin_aside(gpu->mark());
    k.gather_rows(x, first.span(), {y.data(), 1, 1});
    gpu->end_aside();
    BOOST_TEST(y.download() == (std::vector<Real>{2, 1}));
    gpu->release_host(x.data, sizeof(Real));
  }
  hurry_aside(false);
}

// Step k+1 is enqueued, its fetches too, while step k is at work.
BOOST_AUTO_TEST_CASE(the_host_enqueues_a_step_and_its_fetches_without_waiting) {
  const auto self = make_self_communicator();
  Experiment e(on_gpu(adagrad, 90), *self, 1);
  for (Index step = 0; step < 3; ++step) e.train(step);
  e.begin(3, false);
  const GpuCounts before = gpu_counts();

  e.begin(4, false);

  BOOST_TEST(gpu_counts().waits == before.waits);
  BOOST_TEST(gpu_counts().launches > before.launches);  // aside: kernels that are in no graph
  e.finish();
  e.finish();
}

// Rows of 32 KiB, state included: the table takes more than 10 MiB, the GPU has 8.
BOOST_AUTO_TEST_CASE(a_table_that_the_gpu_cannot_hold_is_trained_evaluated_and_restored) {
  SampledModel wide = adagrad;
  wide.settings = {"model.mf={dim: 4096 initial {normal {stddev: 0.1}}}",
                   "optimizer={rate: 0.05 adagrad {}}", "train.batch=2", "train.epochs=1",
                   "eval.users_per_block=32"};
  wide.numbers_of_row = 8192;
  const v1::Config tiered = on_gpu(wide, 40);
  set_gpu_memory(std::size_t{8} << 20);
  const auto self = make_self_communicator();
  BOOST_CHECK_EXCEPTION(Experiment(on_gpu(wide, 0), *self, 1), Error,
                        [](const Error& e) { return e.code() == Exit::environment; });
  {
    Experiment e(tiered, *self, 1);
    Trainer(tiered, e, {.out = folder / "run", .max_steps = 5}).run();
  }

  Experiment e(tiered, *self, 1);
  Trainer(tiered, e, {.out = folder / "run", .max_steps = 5}).run();
  const Evaluation found = e.evaluate(Split::test);

  const Table& table = *e.tables().front();
  const auto bytes = static_cast<std::size_t>(table.local_rows()) * 8192 * sizeof(Real);
  BOOST_TEST(e.device().peak_bytes() < bytes / 2);
  const std::string digest = digest_of_tables(e.comm(), e.tables()).hex();
  set_gpu_memory(std::size_t{1} << 30);
  Experiment all(on_gpu(wide, 0), *self, 1);
  BOOST_TEST(train_steps(all, 0, 10).digest == digest);
  BOOST_TEST(all.evaluate(Split::test).at(Metric::ndcg, 10) == found.at(Metric::ndcg, 10));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
