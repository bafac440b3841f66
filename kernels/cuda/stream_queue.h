// The stream of a GPU, and its scratch memory.
#pragma once

#include <cuda_runtime.h>

#include <map>
#include <vector>

#include "kernels/cuda/queue.h"
#include "kernels/cuda/step_graph.h"

namespace chorale::cuda {

class StreamQueue final : public Queue {
 public:
  StreamQueue(cudaStream_t stream, int processors) : stream_(stream), processors_(processors) {}
  StreamQueue(const StreamQueue&) = delete;
  StreamQueue& operator=(const StreamQueue&) = delete;
  ~StreamQueue() override { cudaFree(scratch_); }

  void enqueue(const void* kernel, const Shape& shape,
               std::span<const Argument> arguments) override;
  void* stream() override {
    submit();
    return stream_;
  }
  int processors() const override { return processors_; }
  void* scratch(std::size_t bytes) override;
  std::size_t scratch_bytes() const { return scratch_bytes_; }

  // Host memory must be pinned, and left alone until the copy is done.
  void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
  // The event happens when all that was enqueued before is done.
  void mark(cudaEvent_t event);
  void wait_for(cudaEvent_t event);  // the host waits; at once for one never marked
  void synchronize();

  // Between the two, what is enqueued is recorded, and becomes one graph.
  void begin_step() { records_ = true; }
  void end_step() {
    submit();
    records_ = false;
  }

 private:
  void submit();

  cudaStream_t stream_;
  int processors_;
  void* scratch_ = nullptr;
  std::size_t scratch_bytes_ = 0;
  std::map<const void*, std::size_t> granted_;  // shared memory of kernels that need much
  bool records_ = false;
  Recording recording_;
  std::vector<cudaEvent_t> marks_;  // to be marked behind the recording
  StepGraphs graphs_;
};

}  // namespace chorale::cuda
