#include "kernels/device.h"

#include <algorithm>
#include <new>
#include <vector>

#include "kernels/check.h"
#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/reference/reference_kernels.h"

namespace chorale {

void Device::count_allocation(std::size_t bytes) {
  ++allocations_;
  bytes_in_use_ += bytes;
  peak_bytes_ = std::max(peak_bytes_, bytes_in_use_);
}

namespace {

constexpr std::align_val_t kCacheLine{64};

class ArrivedAtOnce final : public Landing {
 public:
  explicit ArrivedAtOnce(Device& device) : device_(device) {}

  void fetch(const void* from, std::size_t bytes) override {
    memory_.resize(bytes);
    device_.download(memory_.data(), from, bytes);
  }
  std::span<const std::byte> arrived() override { return memory_; }

 private:
  Device& device_;
  std::vector<std::byte> memory_;
};

}  // namespace

void* Device::allocate_host(std::size_t bytes) {
  void* memory = ::operator new(bytes, kCacheLine);
  count_host_allocation(bytes);
  return memory;
}

void Device::release_host(void* memory, std::size_t bytes) noexcept {
  ::operator delete(memory, kCacheLine);
  count_host_release(bytes);
}

std::unique_ptr<Landing> Device::make_landing() { return std::make_unique<ArrivedAtOnce>(*this); }

std::unique_ptr<Device> make_device(const DeviceOptions& options) {
  require_user(options.threads >= 1, Exit::usage, "use 1 thread or more for each rank",
               "threads is {}, expected at least 1", options.threads);
  switch (options.kind) {
    case DeviceKind::reference:
      return std::make_unique<CpuDevice>(std::make_unique<ReferenceKernels>());
    case DeviceKind::cpu:
      return std::make_unique<CpuDevice>(std::make_unique<CpuKernels>(options.threads));
    case DeviceKind::cuda:
      return make_cuda_device(options);
  }
  throw Error(Exit::internal, "make_device: unknown kind of device");
}

}  // namespace chorale
