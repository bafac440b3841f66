// train: one run, or with --dry-run the plan of one.
#include <fmt/core.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "comm/typed.h"
#include "kernels/log.h"
#include "trainer/commands/commands.h"
#include "trainer/memory_plan.h"
#include "trainer/trainer.h"

namespace chorale {
namespace {

std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");

void on_signal(int) { stop_requested.store(true); }

void catch_signals() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second signal ends the process at once
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) sigaction(number, &action, nullptr);
  // A write beyond a file-size limit is then an error with a message instead of a silent death.
  signal(SIGXFSZ, SIG_IGN);
}

// The most resident memory this process ever had, shared pages included.
std::size_t peak_resident_bytes() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

void print_plan(const v1::Config& config, const World& world) {
  const int threads = threads_per_rank(config.run().threads(), world.local_ranks);
  const MemoryPlan plan = plan_memory(config, world.comm, PlanKind::exact, threads);
  if (world.comm.rank() != 0) return;
  fmt::print("data: {} users, {} items, {} training interactions\n", plan.users, plan.items,
             plan.interactions);
  fmt::print("steps: {} an epoch, {} in all\n", plan.steps_per_epoch,
             plan.steps_per_epoch * config.train().epochs());
  fmt::print("memory of rank 0 of {}, MiB:\n", world.comm.size());
  for (const Experiment::MemoryLine& part : plan.parts) {
    fmt::print("  {:24} {:10.1f}\n", part.what, mebibytes(part.bytes));
  }
  if (plan.off_device > 0) {
    fmt::print("  {:24} {:10.1f}\n", "host memory for tables", mebibytes(plan.host_bytes));
    fmt::print("  {:24} {:10.1f}\n", "saved on the device", mebibytes(plan.off_device));
  }
  std::size_t sum = 0;
  for (std::size_t r = 0; r < plan.peaks.size(); ++r) {
    fmt::print("  {:24} {:10.1f}\n", fmt::format("peak of rank {}", r), mebibytes(plan.peaks[r]));
    sum += plan.peaks[r];
  }
  fmt::print("  {:24} {:10.1f}\n", "peaks of all ranks", mebibytes(sum));
}

void log_plan(const MemoryPlan& plan, std::size_t peak) {
  for (const Experiment::MemoryLine& part : plan.parts) {
    log_info("memory plan: {} {}", part.what, readable_bytes(part.bytes));
  }
  log_info("memory plan: at most {} at a time", readable_bytes(peak));
}

// What the configuration asks for; for GPUs with a plan that fits. Collective.
Platform planned_platform(const v1::Config& config, const World& world, int threads) {
  MemoryPlan plan;
  Platform platform = make_platform(config, world.comm, threads, [&] {
    plan = plan_memory(config, world.comm, PlanKind::quick, threads);
    const std::size_t peak = plan.peaks[static_cast<std::size_t>(world.comm.rank())];
    log_plan(plan, peak);
    return peak;
  });
  if (!plan.peaks.empty()) require_memory(plan, platform, world.comm.host());
  return platform;
}

// Collective.
void report_resources(Experiment& experiment, const World& world) {
  const StepTimes& t = experiment.times();
  log_info(
      "seconds of rank 0: sampling {:.2f}, forward {:.2f}, backward {:.2f}, update {:.2f}, waiting "
      "{:.2f}",
      t.sample, t.forward, t.backward, t.update, t.wait);
  const std::size_t mine[] = {experiment.device().peak_bytes(), peak_resident_bytes()};
  const std::vector<std::size_t> all = gather_all<std::size_t>(world.comm.host(), mine);
  std::size_t device = 0, resident = 0;
  for (std::size_t r = 0; r < all.size(); r += 2) device += all[r], resident += all[r + 1];
  log_info(
      "memory of all ranks at most: device {:.0f} MiB, resident {:.0f} MiB (with MPI and shared "
      "pages)",
      mebibytes(device), mebibytes(resident));
}

}  // namespace

int threads_per_rank(int asked, int local_ranks) {
  if (asked > 0) return asked;
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, cores / local_ranks);
}

Exit run_train(const TrainCommand& command, const World& world) {
  require_user(command.max_steps.value_or(0) >= 0, Exit::usage, "leave it out to train to the end",
               "train: found --max-steps {}, expected a number of steps",
               command.max_steps.value_or(0));
  v1::Config config = load_config(command.config, command.assignments);
  world.patience.until_given_up = std::chrono::seconds(config.run().patience());
  // The run can then be asked from any folder.
  config.mutable_data()->set_prepared(std::filesystem::absolute(config.data().prepared()).string());
  if (command.dry_run) {
    print_plan(config, world);
    return Exit::finished;
  }
  const std::string out =
      command.out.empty() ? (std::filesystem::path(config.out_dir()) / config.run_name()).string()
                          : command.out;
  const int threads = threads_per_rank(config.run().threads(), world.local_ranks);
  const auto start = std::chrono::steady_clock::now();
  Experiment experiment(config, world.comm, planned_platform(config, world, threads));
  const std::chrono::duration<double> built = std::chrono::steady_clock::now() - start;
  const Dataset& data = experiment.dataset();
  log_info(
      "{}: {} users, {} items, {} training interactions; {} ranks x {} threads, {} lanes; built in "
      "{:.1f} s",
      model_name(config.model()), data.users(), data.items(), data.interactions(Split::train),
      world.comm.size(), threads, config.run().lanes(), built.count());

  catch_signals();
  Trainer trainer(config, experiment,
                  {.out = out,
                   .resume = command.resume,
                   .max_steps = command.max_steps.value_or(-1),
                   .command_line = command.command_line,
                   .stop = &stop_requested});
  const Exit exit = trainer.run();
  report_resources(experiment, world);
  const std::string report = experiment.timing_report();
  if (!report.empty()) log_info("{}", report);
  if (exit == Exit::finished && data.interactions(Split::test) > 0) {
    const Evaluation popular = experiment.evaluate_popularity(Split::test);
    const Index k = metric_lengths(config).front();
    log_info("most popular items  test  recall@{} {:.5f}  ndcg@{} {:.5f}", k,
             popular.at(Metric::recall, k), k, popular.at(Metric::ndcg, k));
  }
  if (exit == Exit::finished) {
    log_info("finished: {}; next: chorale recommend {} --user ID, chorale export {} --to DIR", out,
             out, out);
    if (data.interactions(Split::validation) > 0) {
      log_info("these use the last epoch; {}/ckpt/best is the best by validation", out);
    }
  } else {
    log_info("stopped: {}; --resume auto (the default) continues it", out);
  }
  return exit;
}

}  // namespace chorale
