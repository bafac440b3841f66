// Fork and join over a fixed set of threads. The calling thread does the first part itself; with
// one thread nothing is ever spawned.
//
// Work is split statically by count, so which thread does what is known; results must not depend on
// it. A call from within a body, or from a second thread while one is running, runs its body in
// place.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <type_traits>
#include <vector>

#include "kernels/view.h"

namespace chorale {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // body(first, last) over [0, n) in at most threads() contiguous parts of at least `grain`. The
  // exception of the first part that threw is thrown again here, when all parts have ended.
  template <class Body>
  void parallel_for(Index n, Index grain, Body&& body) {
    const int parts = parts_for(n, grain);
    if (parts <= 1) {
      if (n > 0) body(Index{0}, n);
      return;
    }
    parallel_parts(parts, [&](int p) { body(n * p / parts, n * (p + 1) / parts); });
  }

  // body(p) for p in [0, parts), parts <= threads().
  template <class Body>
  void parallel_parts(int parts, Body&& body) {
    using Function = std::remove_reference_t<Body>;
    run(
        parts, [](void* f, int p) { (*static_cast<Function*>(f))(p); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

  int parts_for(Index n, Index grain) const;

 private:
  using Call = void (*)(void* body, int part);

  void run(int parts, Call call, void* body);
  void run_part(int part);
  void work(int worker);

  std::atomic<bool> busy_{false};
  std::atomic<std::uint32_t> generation_{
      0};  // raised once a job; the job's fields are written before
  std::atomic<std::uint32_t> unfinished_{0};  // workers that have not left the job
  Call call_ = nullptr;
  void* body_ = nullptr;
  int parts_ = 0;
  bool stopping_ = false;
  std::vector<std::exception_ptr> errors_;
  std::vector<std::thread> workers_;
};

}  // namespace chorale
