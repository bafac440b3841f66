#include "trainer/platform.h"

#include "comm/plan_communicator.h"
#include "comm/staged_communicator.h"
#include "configs/schema/config.pb.h"
#include "kernels/plan_device.h"

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

}  // namespace

Platform make_platform(const v1::Config& config, Communicator& world, int threads) {
  const DeviceKind kind = device_kind(config.device());
  std::unique_ptr<Device> device = make_device({.kind = kind, .ordinal = 0, .threads = threads});
  if (kind == DeviceKind::cuda) return staged_platform(std::move(device), world);
  return {.device = std::move(device)};
}

Platform staged_platform(std::unique_ptr<Device> device, Communicator& world) {
  auto comm = make_staged_communicator(*device, world.host());
  return {.device = std::move(device), .comm = std::move(comm)};
}

Platform plan_platform(Communicator& world) {
  return {.device = make_plan_device(), .comm = make_plan_communicator(world.host())};
}

}  // namespace chorale
