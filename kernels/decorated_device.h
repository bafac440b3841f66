// A device whose kernels are watched (checked or timed): everything else is the inner device's.
#pragma once

#include "kernels/device.h"

namespace chorale {

class DecoratedDevice final : public Device {
 public:
  DecoratedDevice(Device& inner, const Kernels& kernels) : inner_(inner), kernels_(kernels) {}

  const Kernels& kernels() const override { return kernels_; }
  void* allocate(std::size_t bytes) override {
    count_allocation(bytes);
    return inner_.allocate(bytes);
  }
  void release(void* memory, std::size_t bytes) noexcept override {
    count_release(bytes);
    inner_.release(memory, bytes);
  }
  void* allocate_host(std::size_t bytes) override {
    count_host_allocation(bytes);
    return inner_.allocate_host(bytes);
  }
  void release_host(void* memory, std::size_t bytes) noexcept override {
    count_host_release(bytes);
    inner_.release_host(memory, bytes);
  }
  void upload(void* to, const void* from, std::size_t bytes) override {
    inner_.upload(to, from, bytes);
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    inner_.download(to, from, bytes);
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    inner_.copy(to, from, bytes);
  }
  void synchronize() override { inner_.synchronize(); }
  std::unique_ptr<Landing> make_landing() override { return inner_.make_landing(); }
  void begin_step() override { inner_.begin_step(); }
  void end_step() override { inner_.end_step(); }
  Index mark() override { return inner_.mark(); }
  void begin_aside(Index mark) override { inner_.begin_aside(mark); }
  void end_aside() override { inner_.end_aside(); }
  void* stream() override { return inner_.stream(); }

 private:
  Device& inner_;
  const Kernels& kernels_;
};

}  // namespace chorale
