#include "trainer/memory_plan.h"

#include <algorithm>
#include <limits>

#include "comm/typed.h"
#include "kernels/check.h"

namespace chorale {

MemoryPlan plan_memory(const v1::Config& config, Communicator& world, PlanKind kind, int threads) {
  const std::unique_ptr<Experiment> e = Experiment::plan(config, world, kind, threads);
  e->train(0);
  e->train(e->steps_per_epoch() - 1);  // of the last phase, and what ends an epoch
  e->note_memory("one training step");
  const Index cols = e->represent().cols;
  for (const Split split : {Split::validation, Split::test}) e->evaluator().plan(cols, split);
  e->note_memory("evaluation");
  const std::size_t peak = e->device().peak_bytes();
  const Dataset& data = e->dataset();
  std::size_t off_device = 0;
  for (const Table* table : e->tables()) off_device += table->bytes_off_device();
  return {.users = data.users(),
          .items = data.items(),
          .interactions = data.interactions(Split::train),
          .steps_per_epoch = e->steps_per_epoch(),
          .parts = e->memory(),
          .peaks = gather_all<std::size_t>(world.host(), std::span(&peak, 1)),
          .host_bytes = e->device().host_bytes_in_use(),
          .off_device = off_device};
}

void require_memory(const MemoryPlan& plan, const Platform& platform, Communicator& host) {
  const std::optional<Device::Memory> now = platform.device->memory();
  if (!now) return;
  const std::vector<Device::Memory> memory = gather_all<Device::Memory>(host, std::span(&*now, 1));
  const std::vector<Seat>& seats = platform.seats;
  for (const Seat& seat : seats) {
    std::size_t wanted = 0, free = std::numeric_limits<std::size_t>::max(), total = 0, ranks = 0;
    for (std::size_t r = 0; r < seats.size(); ++r) {
      if (seats[r].machine != seat.machine || seats[r].address != seat.address) continue;
      wanted += plan.peaks[r];
      free = std::min(free, memory[r].free);
      total = memory[r].total;
      ++ranks;
    }
    require_user(
        wanted <= free, Exit::environment,
        "use more ranks on more GPUs, a smaller batch, fewer columns, model.propagation: BF16 or "
        "run.table_memory, or look with nvidia-smi who else is there; chorale train --dry-run "
        "shows what the memory is for",
        "GPU {} of host {}: the plan says {}{}, free {} of {}", seat.ordinal, seat.host,
        readable_bytes(wanted), ranks > 1 ? fmt::format(" for {} ranks", ranks) : "",
        readable_bytes(free), readable_bytes(total));
  }
}

std::string readable_bytes(std::size_t bytes) {
  const auto size = static_cast<double>(bytes);
  constexpr double kMebi = 1 << 20, kGibi = 1 << 30;
  return size < kGibi ? fmt::format("{:.1f} MiB", size / kMebi)
                      : fmt::format("{:.1f} GiB", size / kGibi);
}

}  // namespace chorale
