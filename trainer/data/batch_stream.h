// The batches of step after step, drawn ahead by threads of their own while earlier steps are at
// work. A batch is a pure function of its step, so nothing depends on who draws it, or when.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "trainer/data/batch.h"

namespace chorale {

class BatchStream {
 public:
  // `draw` is called by several threads at once, for batches of their own. Without threads a batch
  // is drawn when it is asked for.
  BatchStream(std::function<void(Index step, Batch& batch)> draw, int threads);
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;
  ~BatchStream();

  // The batch of `step`, until the next call. At once if the call before asked for step - 1. Throws
  // what `draw` threw.
  const Batch& get(Index step);

 private:
  struct Slot {
    Index step = -1;
    bool is_drawn = false;
    Batch batch;
    std::exception_ptr error;
  };

  Slot& slot_of(Index step) {
    return slots_[static_cast<std::size_t>(step % static_cast<Index>(slots_.size()))];
  }
  void work();

  std::function<void(Index, Batch&)> draw_;
  std::vector<Slot> slots_;  // of step: step % slots; one is the caller's, the others are ahead
  std::mutex guard_;
  std::condition_variable changed_;
  Index asked_ = -1;  // the step that was asked for last: its slot is the caller's
  Index next_ = 0;    // to be drawn next
  int at_work_ = 0;   // threads that draw
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace chorale
