// The host as a device: memory of this process and kernels that have finished when they return.
#pragma once

#include <memory>

#include "kernels/device.h"

namespace chorale {

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(std::unique_ptr<const Kernels> kernels) : kernels_(std::move(kernels)) {}

  const Kernels& kernels() const override { return *kernels_; }

  void* allocate(std::size_t bytes) override;
  void release(void* memory, std::size_t bytes) noexcept override;
  void upload(void* to, const void* from, std::size_t bytes) override;
  void download(void* to, const void* from, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void synchronize() override {}

 private:
  std::unique_ptr<const Kernels> kernels_;
};

}  // namespace chorale
