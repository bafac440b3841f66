// Owned device memory for `n` elements of T. Uninitialised unless it was made from host values.
#pragma once

#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/device.h"

namespace chorale {

template <class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Array() = default;
  Array(Device& device, Index n) : device_(&device), size_(n) {
    if (n > 0) data_ = static_cast<T*>(device.allocate(bytes()));
  }
  Array(Device& device, std::span<const T> host) : Array(device, static_cast<Index>(host.size())) {
    upload(host);
  }
  Array(Array&& other) noexcept { *this = std::move(other); }
  Array& operator=(Array&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() {
    if (data_ != nullptr) device_->release(data_, bytes());
  }

  T* data() const { return data_; }
  Index size() const { return size_; }
  std::span<T> span() const { return {data_, static_cast<std::size_t>(size_)}; }

  void upload(std::span<const T> host) {
    if (!host.empty()) device_->upload(data_, host.data(), host.size_bytes());
  }
  std::vector<T> download() const {
    std::vector<T> host(static_cast<std::size_t>(size_));
    if (size_ > 0) device_->download(host.data(), data_, bytes());
    return host;
  }

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }

  Device* device_ = nullptr;
  T* data_ = nullptr;
  Index size_ = 0;
};

}  // namespace chorale
