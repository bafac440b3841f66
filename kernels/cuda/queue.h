// Where CUDA kernels are enqueued: a stream, and scratch memory whose reuse the stream orders.
//
// Free of CUDA headers, so that the sources of the kernels also compile for the host, where tests
// run them thread by thread (tests/kernels/emulated).
#pragma once

#include <cstddef>

namespace chorale::cuda {

class Queue {
 public:
  virtual ~Queue() = default;

  virtual void* stream() const = 0;    // a cudaStream_t
  virtual int processors() const = 0;  // how many blocks of work keep the whole device busy
  // Device memory for the launches that follow, until the next call. Grows, never shrinks.
  virtual void* scratch(std::size_t bytes) = 0;

  template <class T>
  T* scratch_of(std::size_t n) {
    return static_cast<T*>(scratch(n * sizeof(T)));
  }
};

// Throws Error (Exit::environment) for the code that a launch left behind.
void check_launch(int code);

}  // namespace chorale::cuda
