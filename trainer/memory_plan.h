// How much memory a run will take, found before any of it exists: its program is run once on a
// device without memory (kernels/plan_device.h).
#pragma once

#include <string>
#include <vector>

#include "trainer/experiment.h"

namespace chorale {

struct MemoryPlan {
  Index users = 0, items = 0, interactions = 0, steps_per_epoch = 0;
  std::vector<Experiment::MemoryLine> parts;  // of this rank
  std::vector<std::size_t> peaks;             // by rank
  std::size_t host_bytes = 0;                 // of this rank, for tables (embedding/host_tier.h)
  std::size_t off_device = 0;                 // what these save on the device
};

// Runs the first and the last step of an epoch and takes the memory of an evaluation. A quick plan
// is exact for these two steps, but for models that search for neighbours, where it is about the
// most; others differ by the number of rows that their batch gathers, for which the arena keeps
// headroom. `threads` of the host make it. Collective.
MemoryPlan plan_memory(const v1::Config& config, Communicator& world, PlanKind kind,
                       int threads = 1);

// Throws Error (Exit::environment), the same on all ranks, if a GPU has less free than its ranks
// will take. To be asked before a rank takes any. Collective.
void require_memory(const MemoryPlan& plan, const Platform& platform, Communicator& host);

// "6.2 GiB", "17.5 MiB"
std::string readable_bytes(std::size_t bytes);

}  // namespace chorale
