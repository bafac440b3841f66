#include "trainer/data/batch_stream.h"

#include <utility>

namespace chorale {

BatchStream::BatchStream(std::function<void(Index, Batch&)> draw, int threads)
    : draw_(std::move(draw)), slots_(static_cast<std::size_t>(2 * threads) + 1) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

BatchStream::~BatchStream() {
  {
    const std::lock_guard lock(guard_);
    ends_ = true;
  }
  changed_.notify_all();
  for (std::thread& t : threads_) t.join();
}

const Batch& BatchStream::get(Index step) {
  if (threads_.empty()) {
    draw_(step, slots_.front().batch);
    return slots_.front().batch;
  }
  std::unique_lock lock(guard_);
  if (asked_ < 0 || step != asked_ + 1) {  // what was drawn ahead is of no use
    asked_ = next_ = -1;                   // nobody begins another
    changed_.wait(lock, [&] { return at_work_ == 0; });
    for (Slot& s : slots_) s.step = -1;  // or one would be taken while it is drawn again
    next_ = step;
  }
  asked_ = step;
  changed_.notify_all();
  Slot& slot = slot_of(step);
  changed_.wait(lock, [&] { return slot.step == step && slot.is_drawn; });
  if (slot.error) std::rethrow_exception(std::exchange(slot.error, nullptr));
  return slot.batch;
}

void BatchStream::work() {
  std::unique_lock lock(guard_);
  while (true) {
    changed_.wait(lock, [&] {
      return ends_ || (asked_ >= 0 && next_ < asked_ + static_cast<Index>(slots_.size()));
    });
    if (ends_) return;
    const Index step = next_++;
    Slot& slot = slot_of(step);
    slot.step = step;
    slot.is_drawn = false;
    ++at_work_;
    lock.unlock();
    std::exception_ptr error;
    try {
      draw_(step, slot.batch);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    slot.error = error;
    slot.is_drawn = true;
    --at_work_;
    changed_.notify_all();
  }
}

}  // namespace chorale
