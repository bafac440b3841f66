// What ranks say to one another. Five verbs, one form each: non-blocking, out of place, variable
// counts.
//
// * A communicator is bound to one device: its buffers are that device's memory, and an operation
//   starts after the work already enqueued there. `host()` is the same group of ranks for host
//   memory; for a CPU that is the communicator itself.
// * Every verb is collective: all ranks call the same verbs in the same order. A rank with nothing
//   to send calls it too.
// * Buffers stay untouched by the caller until the Request has been waited for. `wait` orders later
//   work of the device after the operation; on a CPU it returns when the data is there.
// * Counts are in bytes, one per rank, in rank order; buffers are packed in rank order without
//   gaps.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>

#include "kernels/view.h"

namespace chorale {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
using Counts = std::span<const Index>;

// An operation under way. Must be waited for; the destructor waits if nobody did.
class [[nodiscard]] Request {
 public:
  Request() = default;  // already complete
  explicit Request(std::function<void()> finish) : finish_(std::move(finish)) {}
  Request(Request&& other) noexcept : finish_(std::exchange(other.finish_, nullptr)) {}
  Request& operator=(Request&& other) noexcept {
    std::swap(finish_, other.finish_);
    return *this;
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() {
    if (finish_) finish_();
  }

  void wait() {
    if (auto finish = std::exchange(finish_, nullptr)) finish();
  }
  // True if there is nothing left to wait for.
  bool is_complete() const { return !finish_; }

 private:
  std::function<void()> finish_;
};

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Rank s sends sent[r] bytes to rank r, which receives received[s] == sent[r] of rank s's call.
  virtual Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) = 0;
  // Every rank's bytes, in rank order; each[r] is what rank r brings, the same array on all ranks.
  virtual Request all_gather(Bytes mine, MutableBytes all, Counts each) = 0;
  // Element sums over ranks, the same bits on all of them; the order is the library's, so it may
  // change with the number of ranks. For `lanes: 0` only; otherwise see lane_sum.h.
  virtual Request all_reduce_sum(View inout) = 0;
  // The root's bytes, everywhere.
  virtual Request broadcast(MutableBytes inout, int root) = 0;
  // No rank returns before all have called.
  virtual void barrier() = 0;

  virtual Communicator& host() = 0;
};

}  // namespace chorale
