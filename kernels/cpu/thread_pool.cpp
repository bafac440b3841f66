#include "kernels/cpu/thread_pool.h"

#include <algorithm>

namespace chorale {

ThreadPool::ThreadPool(int threads) : errors_(static_cast<std::size_t>(std::max(threads, 1))) {
  for (int w = 1; w < threads; ++w) workers_.emplace_back([this, w] { work(w); });
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& w : workers_) w.join();
}

int ThreadPool::parts_for(Index n, Index grain) const {
  const Index most = (n + grain - 1) / std::max<Index>(grain, 1);
  return static_cast<int>(std::min<Index>(threads(), most));
}

void ThreadPool::run(int parts, Call call, void* body) {
  if (parts <= 1 || workers_.empty() || busy_.exchange(true, std::memory_order_acquire)) {
    for (int p = 0; p < parts; ++p) call(body, p);
    return;
  }
  call_ = call;
  body_ = body;
  parts_ = parts;
  unfinished_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  run_part(0);
  for (std::uint32_t left; (left = unfinished_.load(std::memory_order_acquire)) != 0;) {
    unfinished_.wait(left, std::memory_order_acquire);
  }
  std::exception_ptr first;
  for (std::exception_ptr& e : errors_) {
    if (e && !first) first = e;
    e = nullptr;
  }
  busy_.store(false, std::memory_order_release);
  if (first) std::rethrow_exception(first);
}

void ThreadPool::run_part(int part) {
  try {
    call_(body_, part);
  } catch (...) {
    errors_[static_cast<std::size_t>(part)] = std::current_exception();
  }
}

void ThreadPool::work(int worker) {
  std::uint32_t seen = 0;
  for (;;) {
    generation_.wait(seen, std::memory_order_acquire);
    seen = generation_.load(std::memory_order_acquire);
    if (stopping_) return;
    if (worker < parts_) run_part(worker);
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
  }
}

}  // namespace chorale
