// The stream of a GPU, another one beside it, and scratch memory of the first.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <functional>
#include <map>
#include <vector>

#include "kernels/cuda/queue.h"
#include "kernels/cuda/step_graph.h"

namespace chorale::cuda {

// An event without a time, of the caller.
cudaEvent_t make_event();

class StreamQueue final : public Queue {
 public:
  StreamQueue(cudaStream_t stream, int processors);
  StreamQueue(const StreamQueue&) = delete;
  StreamQueue& operator=(const StreamQueue&) = delete;
  ~StreamQueue() override;

  void enqueue(const void* kernel, const Shape& shape,
               std::span<const Argument> arguments) override;
  void* stream() override {
    submit();
    return stream_;
  }
  int processors() const override { return processors_; }
  void* scratch(std::size_t bytes, Scratch kind) override;
  std::size_t scratch_bytes() const { return scratch_[0].bytes + scratch_[1].bytes; }

  // Host memory must be pinned, and left alone until the copy is done.
  void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
  // The event happens when all that was enqueued before is done.
  void mark(cudaEvent_t event);
  void wait_for(cudaEvent_t event);  // the host waits; at once for one never marked
  void synchronize();
  // The milliseconds that the GPU takes for what `work` enqueues, which is not recorded. The host
  // waits.
  double milliseconds(const std::function<void()>& work);

  // Device::mark, begin_aside and end_aside. Aside nothing is recorded, and no scratch is used.
  Index mark_place();
  void begin_aside(Index place);
  void end_aside();

  // Between the two, what is enqueued is recorded, and becomes one graph.
  void begin_step() { records_ = true; }
  void end_step() {
    submit();
    records_ = false;
  }

 private:
  struct ScratchMemory {
    void* data = nullptr;
    std::size_t bytes = 0;
  };

  void submit();
  void join();  // what is enqueued on the stream stands behind all that was enqueued aside
  bool is_recorded() const { return records_ && !is_aside_; }
  cudaStream_t at_work() const { return is_aside_ ? aside_ : stream_; }

  cudaStream_t stream_, aside_ = nullptr;
  bool is_aside_ = false;
  cudaEvent_t joined_;
  std::array<cudaEvent_t, 4> places_;  // of the latest marks: of mark m at m % 4
  Index marked_ = 0;                   // the latest mark; 0: none yet
  int processors_;
  std::array<ScratchMemory, 2> scratch_;        // by kind
  std::map<const void*, std::size_t> granted_;  // shared memory of kernels that need much
  bool records_ = false;
  Recording recording_;
  std::vector<cudaEvent_t> marks_;  // to be marked behind the recording
  StepGraphs graphs_;
};

}  // namespace chorale::cuda
