#include "kernels/arena.h"

#include <algorithm>

namespace chorale {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kSmallestBlock = std::size_t{1} << 20;
constexpr std::size_t kHeadroom = 8;      // one part in so many
constexpr std::size_t kMostSizes = 1024;  // remembered: those of every step, and some of the last
constexpr std::size_t kMostHeadroom = std::size_t{1} << 29;

std::size_t rounded(std::size_t bytes) {
  return std::max<std::size_t>(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
}

}  // namespace

Arena::~Arena() {
  for (Block& b : blocks_) device_.release(b.data, b.size);
}

void* Arena::take(std::size_t bytes) {
  bytes = rounded(bytes);
  auto& reusable = free_[bytes];
  if (!reusable.empty()) {
    void* memory = reusable.back();
    reusable.pop_back();
    return memory;
  }
  taken_ += bytes;
  high_water_ = std::max(high_water_, taken_);
  if (blocks_.empty() || blocks_.back().size - blocks_.back().used < bytes) {
    const std::size_t size = std::max(bytes, kSmallestBlock);
    blocks_.push_back({static_cast<std::byte*>(device_.allocate(size)), size, 0});
  }
  Block& b = blocks_.back();
  void* memory = b.data + b.used;
  b.used += bytes;
  return memory;
}

void Arena::give_back(void* memory, std::size_t bytes) {
  if (memory != nullptr) free_[rounded(bytes)].push_back(memory);
}

void Arena::reset() {
  if (blocks_.size() > 1) {
    // Batches differ a little in size from step to step: headroom absorbs that.
    const std::size_t size =
        rounded(high_water_ + std::min(high_water_ / kHeadroom, kMostHeadroom));
    for (Block& b : blocks_) device_.release(b.data, b.size);
    blocks_.clear();
    blocks_.push_back({static_cast<std::byte*>(device_.allocate(size)), size, 0});
  }
  for (Block& b : blocks_) b.used = 0;
  if (free_.size() > kMostSizes) free_.clear();
  for (auto& [size, reusable] : free_) reusable.clear();
  taken_ = 0;
}

}  // namespace chorale
