// Where CUDA kernels are enqueued: a stream, and scratch memory whose reuse the stream orders.
//
// Free of CUDA headers, so that the sources of the kernels also compile for the host, where tests
// run them thread by thread (tests/kernels/emulated).
#pragma once

#include <cstddef>
#include <span>

#include "kernels/view.h"

namespace chorale::cuda {

struct Shape {
  Index blocks = 0;
  int threads = 256;  // of a block
  Index blocks_y = 1;
  std::size_t shared = 0;  // bytes behind dynamic_shared()

  bool operator==(const Shape&) const = default;
};

// An argument of a kernel, as the kernel declares it; copied when it is enqueued.
struct Argument {
  const void* at;
  std::size_t bytes;
};

class Queue {
 public:
  virtual ~Queue() = default;

  // Enqueues a kernel (a __global__ function) with at least one block.
  virtual void enqueue(const void* kernel, const Shape& shape,
                       std::span<const Argument> arguments) = 0;
  // A cudaStream_t that has got all that was enqueued: for libraries that enqueue by themselves.
  virtual void* stream() = 0;
  virtual int processors() const = 0;  // how many blocks of work keep the whole device busy
  // Device memory for the launches that follow, until the next call of the same kind. Grows, never
  // shrinks. A kernel made of others keeps its own apart from theirs.
  enum class Scratch { of_parts, of_whole };
  virtual void* scratch(std::size_t bytes, Scratch kind = Scratch::of_parts) = 0;

  template <class T>
  T* scratch_of(std::size_t n, Scratch kind = Scratch::of_parts) {
    return static_cast<T*>(scratch(n * sizeof(T), kind));
  }
};

}  // namespace chorale::cuda
