#include "kernels/cuda/pinned.h"

#include <algorithm>

#include "kernels/cuda/cuda_check.h"

namespace chorale::cuda {
namespace {

constexpr std::size_t kAlignment = 256;

void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  check(cudaHostAlloc(&memory, bytes, cudaHostAllocDefault), "cudaHostAlloc");
  return memory;
}

class PinnedLanding final : public Landing {
 public:
  explicit PinnedLanding(StreamQueue& queue) : queue_(queue), arrived_(make_event()) {}
  PinnedLanding(const PinnedLanding&) = delete;
  PinnedLanding& operator=(const PinnedLanding&) = delete;
  ~PinnedLanding() override {
    cudaEventSynchronize(arrived_);
    cudaEventDestroy(arrived_);
    cudaFreeHost(memory_);
  }

  void fetch(const void* from, std::size_t bytes) override {
    if (bytes > room_) {
      queue_.wait_for(arrived_);
      check(cudaFreeHost(memory_), "cudaFreeHost");
      memory_ = nullptr;
      room_ = 0;
      memory_ = allocate(std::max(bytes, std::size_t{4096}));
      room_ = std::max(bytes, std::size_t{4096});
    }
    bytes_ = bytes;
    queue_.copy(memory_, from, bytes, cudaMemcpyDeviceToHost);
    queue_.mark(arrived_);
  }
  std::span<const std::byte> arrived() override {
    queue_.wait_for(arrived_);
    return {static_cast<const std::byte*>(memory_), bytes_};
  }

 private:
  StreamQueue& queue_;
  cudaEvent_t arrived_;
  void* memory_ = nullptr;
  std::size_t room_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

Staging::Staging(StreamQueue& queue) : queue_(queue), memory_(allocate(kMost * done_.size())) {
  std::ranges::generate(done_, make_event);
}

Staging::~Staging() {
  for (cudaEvent_t e : done_) cudaEventDestroy(e);
  cudaFreeHost(memory_);
}

void* Staging::take(std::size_t bytes) {
  if (used_ + bytes > kMost) {
    queue_.mark(done_[part_]);
    part_ = (part_ + 1) % done_.size();
    queue_.wait_for(done_[part_]);
    used_ = 0;
  }
  std::byte* place = static_cast<std::byte*>(memory_) + part_ * kMost + used_;
  used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return place;
}

std::unique_ptr<Landing> make_landing(StreamQueue& queue) {
  return std::make_unique<PinnedLanding>(queue);
}

}  // namespace chorale::cuda
