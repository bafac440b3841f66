// Memory for one training step. `take` is a pointer bump or a reuse of a block of the same size
// that was given back; `reset` forgets everything and keeps the memory, merged into one block, so
// that from the third step on nothing is asked of the device.
//
// Invariant: a pointer is valid until `give_back` or `reset`, whichever comes first.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "kernels/device.h"

namespace chorale {

class Arena {
 public:
  explicit Arena(Device& device) : device_(device) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  void* take(std::size_t bytes);                    // aligned to 64 bytes, uninitialised
  void give_back(void* memory, std::size_t bytes);  // `bytes` as it was asked for
  void reset();

  View take_view(Index rows, Index cols) {
    return {static_cast<Real*>(take(static_cast<std::size_t>(rows * cols) * sizeof(Real))), rows,
            cols};
  }
  // Rows begin at multiples of 16 bytes, as loads of a GPU want them.
  Bf16View take_bf16(Index rows, Index cols) {
    constexpr Index kAligned = 16 / sizeof(Bf16);
    const Index stride = (cols + kAligned - 1) / kAligned * kAligned;
    return {static_cast<Bf16*>(take(static_cast<std::size_t>(rows * stride) * sizeof(Bf16))), rows,
            cols, stride};
  }
  void give_back(Bf16View v) {
    give_back(v.data, static_cast<std::size_t>(v.rows * v.stride) * sizeof(Bf16));
  }
  void give_back(View v) { give_back(v.data, static_cast<std::size_t>(v.size()) * sizeof(Real)); }

  std::size_t high_water() const {
    return high_water_;
  }  // most bytes ever taken between two resets
  Device& device() const { return device_; }

 private:
  struct Block {
    std::byte* data;
    std::size_t size;
    std::size_t used;
  };

  Device& device_;
  std::vector<Block> blocks_;
  // By exact size. Nothing depends on the order in which they stand.
  std::unordered_map<std::size_t, std::vector<void*>> free_;
  std::size_t taken_ = 0;
  std::size_t high_water_ = 0;
};

}  // namespace chorale
