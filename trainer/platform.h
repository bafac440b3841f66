// What a rank computes on: a device, and what speaks for the device's memory to the other ranks.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "comm/topology.h"
#include "kernels/device.h"
#include "kernels/plan_device.h"
#include "kernels/sparse_choices.h"

namespace chorale {

namespace v1 {
class Config;
}

struct Platform {
  std::unique_ptr<SparseChoices> sparse_choices = nullptr;  // of a device that measures; or null
  std::unique_ptr<Device> device;
  // Bound to the device; null where device memory is host memory, for which the world speaks. After
  // the device, so that it goes first.
  std::unique_ptr<Communicator> comm = nullptr;
  int threads = 1;          // of the host, that build what training needs
  int drawing_threads = 0;  // that draw batches ahead, where the host's threads have no other work
  std::vector<Seat> seats = {};  // by rank, if these are GPUs
};

// Says how many bytes this rank will take of its GPU. Collective.
using Planner = std::function<std::size_t()>;

// The device that the configuration asks for, with `threads` CPU threads; of GPUs the one that
// comm/topology.h gives to this rank, with the transport that it chooses. Throws Error
// (Exit::environment) if this build or a host of the ranks has no such device. The planner, if
// there is one, is asked for GPUs only, while the driver starts. Collective.
Platform make_platform(const v1::Config& config, Communicator& world, int threads,
                       const Planner& planner = {});

// A device whose memory the host cannot read, its messages staged through host memory.
Platform staged_platform(std::unique_ptr<Device> device, Communicator& world);

// No memory and no work, only counting (kernels/plan_device.h).
Platform plan_platform(Communicator& world, PlanKind kind, int threads);

}  // namespace chorale
