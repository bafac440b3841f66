// The plan of memory before a training on GPUs: it counts what the run takes, and a GPU with less
// is refused before anything is allocated, as is one without a driver.
#include <boost/test/unit_test.hpp>

#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "kernels/array.h"
#include "tests/emulated_gpu/emulated_gpu.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/commands/commands.h"
#include "trainer/memory_plan.h"

namespace chorale::test {
namespace {

constexpr std::size_t kUsual = std::size_t{1} << 30;

struct TinyData {
  TemporaryFolder folder;
  std::filesystem::path data = make_tiny_dataset(folder.path());
  std::filesystem::path lightgcn = source_folder() / "configs/tiny/lightgcn.pbtxt";

  v1::Config on_gpu(const std::filesystem::path& file) const {
    return tiny_config(file, data, {"device=CUDA"});
  }
  TrainCommand command(const std::string& out) const {
    TrainCommand train;
    train.config = lightgcn.string();
    train.assignments = {"device=CUDA", "data.prepared=" + data.string(), "train.epochs=2"};
    train.out = folder.path() / out;
    return train;
  }
  // The peaks of lightgcn's ranks.
  std::vector<std::size_t> peaks(Communicator& comm) const {
    return plan_memory(on_gpu(lightgcn), comm, PlanKind::quick).peaks;
  }
};

// What the training is refused with; empty if it is not.
std::string refusal(const TrainCommand& command, Communicator& comm, std::string* hint = nullptr) {
  try {
    Patience patience;
    run_train(command, {comm, comm.size(), patience});
  } catch (const Error& error) {
    require(error.code() == Exit::environment, "exit code {}", static_cast<int>(error.code()));
    if (hint != nullptr) *hint = error.hint();
    return error.what();
  }
  return "";
}

constexpr std::size_t kInteractions = 211 * 12;  // of the tiny data set

BOOST_FIXTURE_TEST_SUITE(memory_plan, TinyData)

BOOST_AUTO_TEST_CASE(a_plan_counts_what_a_training_on_gpus_takes) {
  for (const auto& file : tiny_configs()) {
    for (const int ranks : {1, 2}) {
      run_thread_ranks(ranks, [&](Communicator& comm) {
        const MemoryPlan plan = plan_memory(on_gpu(file), comm, PlanKind::exact);
        Experiment e(on_gpu(file), comm, 1);
        e.train(0);
        e.train(e.steps_per_epoch() - 1);
        e.evaluate(Split::validation);
        e.evaluate(Split::test);
        const std::size_t planned = plan.peaks[static_cast<std::size_t>(comm.rank())];
        const std::size_t taken = e.device().peak_bytes();
        // Masks of a ranking are planned for the busiest block of items and all users.
        require(taken <= planned && planned <= taken + kInteractions * sizeof(LocalIndex),
                "{} on {} ranks: the plan counts {} bytes, the run takes {}",
                file.filename().string(), ranks, planned, taken);
      });
      BOOST_TEST(true);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_gpu_with_less_than_the_plan_is_refused_before_anything_is_allocated) {
  const auto self = make_self_communicator();
  const std::size_t peak = peaks(*self).front();
  const GpuCounts before = gpu_counts();
  set_gpu_memory(peak - 1);

  const std::string said = refusal(command("short"), *self);

  set_gpu_memory(kUsual);
  BOOST_TEST(said.starts_with("GPU 0 of host "));
  BOOST_TEST(said.find(fmt::format(": the plan says {0}, free {0} of {0}", readable_bytes(peak))) !=
             std::string::npos);
  BOOST_TEST(gpu_counts().allocations == before.allocations);
  BOOST_TEST(!std::filesystem::exists(folder.path() / "short"));
}

BOOST_AUTO_TEST_CASE(a_gpu_with_room_for_the_plan_is_trained_on) {
  const auto self = make_self_communicator();
  constexpr std::size_t kScratch = std::size_t{4} << 20;  // of kernels, which no plan counts
  set_gpu_memory(peaks(*self).front() + kScratch);

  const std::string said = refusal(command("enough"), *self);

  set_gpu_memory(kUsual);
  BOOST_TEST(said == "");
  BOOST_TEST(std::filesystem::exists(folder.path() / "enough" / "final_metrics.json"));
}

BOOST_AUTO_TEST_CASE(ranks_that_share_a_gpu_need_room_for_all_of_them) {
  std::vector<std::string> said(2);
  run_thread_ranks(2, [&](Communicator& comm) {
    const std::vector<std::size_t> both = peaks(comm);
    set_gpu_memory(both[0] + both[1] - 1);  // of this thread's, one of the two that stand for one
    said[static_cast<std::size_t>(comm.rank())] = refusal(command("shared"), comm);
    set_gpu_memory(kUsual);
  });

  BOOST_TEST(said[0].find(" for 2 ranks, free ") != std::string::npos);
  BOOST_TEST(said[1] == said[0]);
}

BOOST_AUTO_TEST_CASE(without_a_driver_training_is_refused_and_the_cpu_is_named) {
  const auto self = make_self_communicator();
  set_gpu_driver(false);

  std::string hint;
  const std::string said = refusal(command("driverless"), *self, &hint);

  set_gpu_driver(true);
  BOOST_TEST(said.starts_with("no GPU on host "));
  BOOST_TEST(said.find(": found no usable NVIDIA driver") != std::string::npos);
  BOOST_TEST(hint.starts_with("compute on the CPU (device: CPU, or --device CPU)"));
}

BOOST_AUTO_TEST_CASE(memory_that_fails_nevertheless_is_told_with_the_plan) {
  const auto gpu = make_device({.kind = DeviceKind::cuda, .planned_bytes = 3 << 20});
  set_gpu_memory(1000);

  BOOST_CHECK_EXCEPTION(Array<Real>(*gpu, 1000), Error, [](const Error& e) {
    return e.code() == Exit::environment &&
           std::string(e.what()).ends_with("0.0 MiB in use by this rank of 3.0 planned");
  });
  set_gpu_memory(kUsual);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
