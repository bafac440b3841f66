#include "kernels/cuda/stream_queue.h"

#include <algorithm>

#include "kernels/cuda/cuda_check.h"

namespace chorale::cuda {

void StreamQueue::enqueue(const void* kernel, const Shape& shape,
                          std::span<const Argument> arguments) {
  constexpr std::size_t kAlwaysThere = 48 << 10;
  if (shape.shared > kAlwaysThere && granted_[kernel] < shape.shared) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shape.shared)),
          "shared memory for a kernel");
    granted_[kernel] = shape.shared;
  }
  if (records_) {
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
                         shape.shared, stream_),
        "a kernel's launch");
}

void* StreamQueue::scratch(std::size_t bytes) {
  if (bytes <= scratch_bytes_) return scratch_;
  synchronize();
  check(cudaFree(scratch_), "cudaFree");
  scratch_ = nullptr;
  scratch_bytes_ = 0;
  const std::size_t wanted = std::max(bytes, std::size_t{1} << 20);
  check(cudaMalloc(&scratch_, wanted), "cudaMalloc of scratch memory");
  scratch_bytes_ = wanted;
  return scratch_;
}

void StreamQueue::copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0) return;
  if (records_) {
    recording_.add_copy(to, from, bytes, kind);
  } else {
    check(cudaMemcpyAsync(to, from, bytes, kind, stream_), "a copy");
  }
}

void StreamQueue::mark(cudaEvent_t event) {
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

void StreamQueue::synchronize() {
  submit();
  check(cudaStreamSynchronize(stream_), "the work enqueued on the GPU");
}

void StreamQueue::submit() {
  if (recording_.size() == 0) return;
  graphs_.run(recording_, stream_);
  recording_.clear();
  for (cudaEvent_t event : marks_) check(cudaEventRecord(event, stream_), "cudaEventRecord");
  marks_.clear();
}

}  // namespace chorale::cuda
