#include "trainer/platform.h"

#include <algorithm>
#include <thread>

#include "comm/nccl_communicator.h"
#include "comm/plan_communicator.h"
#include "comm/self_communicator.h"
#include "comm/staged_communicator.h"
#include "configs/schema/config.pb.h"
#include "kernels/check.h"
#include "kernels/log.h"

namespace chorale {
namespace {

DeviceKind device_kind(v1::Config::Device device) {
  switch (device) {
    case v1::Config::CPU:
      return DeviceKind::cpu;
    case v1::Config::REFERENCE:
      return DeviceKind::reference;
    case v1::Config::CUDA:
      return DeviceKind::cuda;
  }
  return DeviceKind::cpu;
}

bool all_have_gpus(std::span<const Seat> seats) {
  return std::ranges::all_of(seats, [](const Seat& s) { return s.gpus > 0; });
}

// What the planner says, found while the driver starts in another thread.
std::size_t plan_while_waking(const Planner& planner, int ordinal) {
  const std::jthread driver([ordinal] { wake_gpu(ordinal); });
  return planner();
}

// With several ranks only matrices of one rank's rows have no ghosts: nothing is measured.
SparseProduct sparse_product(const v1::Config& config, std::size_t ranks) {
  switch (config.run().sparse()) {
    case v1::Run::OWN:
      return SparseProduct::own;
    case v1::Run::CUSPARSE:
      return SparseProduct::cusparse;
    case v1::Run::MEASURED:
      return ranks == 1 ? SparseProduct::measured : SparseProduct::own;
  }
  return SparseProduct::own;
}

// This rank's GPU. Where there is none all ranks throw: those without one say why.
std::unique_ptr<Device> open_gpu(const v1::Config& config, std::span<const Seat> seats, int rank,
                                 std::size_t planned_bytes, SparseChoices& choices) {
  const Seat& mine = seats[static_cast<std::size_t>(rank)];
  auto device = make_device({.kind = DeviceKind::cuda,
                             .ordinal = mine.ordinal,
                             .sparse = sparse_product(config, seats.size()),
                             .sparse_choices = &choices,
                             .bf16_contrast = config.run().contrast() == v1::Run::BF16,
                             .step_graph = config.run().step_graph() && seats.size() == 1,
                             .planned_bytes = planned_bytes});
  for (const Seat& s : seats) {
    require_user(s.gpus > 0, Exit::environment,
                 "start ranks on hosts with a GPU, or use device: CPU",
                 "no GPU on host {}, but on host {}", s.host, mine.host);
  }
  return device;
}

Platform gpu_platform(const v1::Config& config, Communicator& world, int threads,
                      const Planner& planner) {
  Communicator& host = world.host();
  std::vector<Seat> seats = take_seats(host);
  const int ordinal = seats[static_cast<std::size_t>(host.rank())].ordinal;
  const std::size_t planned_bytes =
      planner && all_have_gpus(seats) ? plan_while_waking(planner, ordinal) : 0;
  auto choices = std::make_unique<SparseChoices>();
  std::unique_ptr<Device> device = open_gpu(config, seats, host.rank(), planned_bytes, *choices);
  const std::string nccl = nccl_version();
  log_info("{}", describe(seats, nccl));
  std::unique_ptr<Communicator> comm;
  switch (choose_transport(seats, !nccl.empty())) {
    case Transport::self:
      comm = make_self_communicator(*device, host);
      break;
    case Transport::nccl:
      comm = make_nccl_communicator(
          *device, host, {.until_given_up = std::chrono::seconds(config.run().patience())});
      break;
    case Transport::staged:
      comm = make_staged_communicator(*device, host);
      break;
  }
  return {.sparse_choices = std::move(choices),
          .device = std::move(device),
          .comm = std::move(comm),
          .threads = threads,
          .drawing_threads = threads,
          .seats = std::move(seats)};
}

}  // namespace

Platform make_platform(const v1::Config& config, Communicator& world, int threads,
                       const Planner& planner) {
  const DeviceKind kind = device_kind(config.device());
  if (kind == DeviceKind::cuda) return gpu_platform(config, world, threads, planner);
  return {.device = make_device({.kind = kind, .threads = threads}), .threads = threads};
}

Platform staged_platform(std::unique_ptr<Device> device, Communicator& world) {
  auto comm = make_staged_communicator(*device, world.host());
  return {.device = std::move(device), .comm = std::move(comm)};
}

Platform plan_platform(Communicator& world, PlanKind kind, int threads) {
  return {.device = make_plan_device(kind),
          .comm = make_plan_communicator(world.host()),
          .threads = threads};
}

}  // namespace chorale
