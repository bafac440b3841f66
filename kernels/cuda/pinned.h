// Host memory that the GPU copies from and to.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <memory>

#include "kernels/cuda/stream_queue.h"
#include "kernels/landing.h"

namespace chorale::cuda {

// For the bytes that pass by: in equal parts, of which one is filled while copies use the others.
class Staging {
 public:
  static constexpr std::size_t kMost = std::size_t{4} << 20;  // of one place

  explicit Staging(StreamQueue& queue);
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging();

  // A place that no earlier copy uses, for copies enqueued before the next call.
  void* take(std::size_t bytes);

 private:
  StreamQueue& queue_;
  void* memory_ = nullptr;
  std::array<cudaEvent_t, 8> done_{};  // the copies of a part
  std::size_t part_ = 0;               // that is being filled
  std::size_t used_ = 0;               // of its bytes
};

std::unique_ptr<Landing> make_landing(StreamQueue& queue);

}  // namespace chorale::cuda
