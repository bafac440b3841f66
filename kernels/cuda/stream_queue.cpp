#include "kernels/cuda/stream_queue.h"

#include <algorithm>
#include <utility>

#include "kernels/cuda/cuda_check.h"

namespace chorale::cuda {
namespace {

struct Event {
  Event() { check(cudaEventCreateWithFlags(&event, cudaEventDefault), "cudaEventCreate"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event); }

  cudaEvent_t event = nullptr;
};

}  // namespace

cudaEvent_t make_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  return event;
}

StreamQueue::StreamQueue(cudaStream_t stream, int processors)
    : stream_(stream), joined_(make_event()), processors_(processors) {
  check(cudaStreamCreateWithFlags(&aside_, cudaStreamNonBlocking), "cudaStreamCreate");
  std::ranges::generate(places_, make_event);
}

StreamQueue::~StreamQueue() {
  for (cudaEvent_t e : places_) cudaEventDestroy(e);
  cudaEventDestroy(joined_);
  cudaStreamDestroy(aside_);
  for (const ScratchMemory& s : scratch_) cudaFree(s.data);
}

void StreamQueue::enqueue(const void* kernel, const Shape& shape,
                          std::span<const Argument> arguments) {
  constexpr std::size_t kAlwaysThere = 48 << 10;
  if (shape.shared > kAlwaysThere && granted_[kernel] < shape.shared) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shape.shared)),
          "shared memory for a kernel");
    granted_[kernel] = shape.shared;
  }
  if (is_recorded()) {
    recording_.add_launch(kernel, shape, arguments);
    return;
  }
  constexpr std::size_t kMost = 32;
  void* addresses[kMost];
  require(arguments.size() <= kMost, "a kernel with {} arguments, at most {}", arguments.size(),
          kMost);
  std::ranges::transform(arguments, addresses,
                         [](const Argument& a) { return const_cast<void*>(a.at); });
  const dim3 grid(static_cast<unsigned>(shape.blocks), static_cast<unsigned>(shape.blocks_y));
  check(cudaLaunchKernel(kernel, grid, dim3(static_cast<unsigned>(shape.threads)), addresses,
                         shape.shared, at_work()),
        "a kernel's launch");
}

void* StreamQueue::scratch(std::size_t bytes, Scratch kind) {
  ScratchMemory& memory = scratch_[static_cast<std::size_t>(kind)];
  if (bytes <= memory.bytes) return memory.data;
  synchronize();
  check(cudaFree(memory.data), "cudaFree");
  memory = {};
  const std::size_t wanted = std::max(bytes, std::size_t{1} << 20);
  check(cudaMalloc(&memory.data, wanted), "cudaMalloc of scratch memory");
  memory.bytes = wanted;
  return memory.data;
}

void StreamQueue::copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0) return;
  if (is_recorded()) {
    recording_.add_copy(to, from, bytes, kind);
  } else {
    check(cudaMemcpyAsync(to, from, bytes, kind, at_work()), "a copy");
  }
}

void StreamQueue::mark(cudaEvent_t event) {
  if (is_aside_) join();
  if (recording_.size() == 0) {
    check(cudaEventRecord(event, stream_), "cudaEventRecord");
  } else {
    marks_.push_back(event);
  }
}

void StreamQueue::wait_for(cudaEvent_t event) {
  if (std::ranges::find(marks_, event) != marks_.end()) submit();
  check(cudaEventSynchronize(event), "the work enqueued on the GPU");
}

Index StreamQueue::mark_place() {
  ++marked_;
  mark(places_[static_cast<std::size_t>(marked_) % places_.size()]);
  return marked_;
}

void StreamQueue::begin_aside(Index place) {
  is_aside_ = true;
  if (place == 0) return;
  // An older mark's event marks a later place by now; the oldest that is kept stands behind it too.
  const auto kept = static_cast<Index>(places_.size());
  const Index behind = std::max(place, marked_ - kept + 1);
  const cudaEvent_t event = places_[static_cast<std::size_t>(behind) % places_.size()];
  if (std::ranges::find(marks_, event) != marks_.end()) submit();
  check(cudaStreamWaitEvent(aside_, event, 0), "cudaStreamWaitEvent");
}

void StreamQueue::end_aside() {
  join();
  is_aside_ = false;
}

void StreamQueue::join() {
  check(cudaEventRecord(joined_, aside_), "cudaEventRecord");
  check(cudaStreamWaitEvent(stream_, joined_, 0), "cudaStreamWaitEvent");
}

void StreamQueue::synchronize() {
  submit();
  check(cudaStreamSynchronize(stream_), "the work enqueued on the GPU");
}

double StreamQueue::milliseconds(const std::function<void()>& work) {
  synchronize();
  const bool was_recording = std::exchange(records_, false);
  const Event start, end;
  check(cudaEventRecord(start.event, stream_), "cudaEventRecord");
  work();
  check(cudaEventRecord(end.event, stream_), "cudaEventRecord");
  check(cudaEventSynchronize(end.event), "the work enqueued on the GPU");
  records_ = was_recording;
  float found = 0;
  check(cudaEventElapsedTime(&found, start.event, end.event), "cudaEventElapsedTime");
  return static_cast<double>(found);
}

void StreamQueue::submit() {
  if (recording_.size() == 0) return;
  graphs_.run(recording_, stream_);
  recording_.clear();
  for (cudaEvent_t event : marks_) check(cudaEventRecord(event, stream_), "cudaEventRecord");
  marks_.clear();
}

}  // namespace chorale::cuda
