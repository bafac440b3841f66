// A device: memory, and a stream of work in which kernels run in the order they were enqueued.
//
// On a CPU every call has finished when it returns; code must not rely on that, because on a GPU it
// has only been enqueued. The host waits in `synchronize`, in `download` and for a landing, and
// nowhere else.
// * The host never reads or writes device memory but by `upload` and `download`.
// * Host memory is read before a call returns: `upload` has taken its bytes, a kernel the host
//   spans it was given (view.h: Groups, LaneOffsets). The caller may change or free them at once.
// * Host memory from `allocate_host` is a kernel's like the device's own; the host may touch it
//   when it has waited for the kernels that do.
// * `release` and `allocate` stand in the order of the stream too: work enqueued before a `release`
//   still has the memory, and nobody else gets it before that work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "kernels/kernels.h"
#include "kernels/landing.h"
#include "kernels/view.h"

namespace chorale {

enum class DeviceKind { reference, cpu, cuda };
// Which kernels multiply sparse matrices on a GPU; measured: for each matrix the faster ones.
enum class SparseProduct { own, cusparse, measured };
class SparseChoices;

struct DeviceOptions {
  DeviceKind kind = DeviceKind::cpu;
  int ordinal = 0;  // which GPU of this host
  int threads = 1;  // CPU threads of this rank, the calling one included
  SparseProduct sparse = SparseProduct::own;
  SparseChoices* sparse_choices = nullptr;  // of measured products: outlives the device
  bool bf16_contrast = false;     // of a GPU: three digits instead of six, a third of the work
  bool step_graph = true;         // of a GPU: a step is handed over as one graph
  std::size_t planned_bytes = 0;  // that this rank will take, for messages; 0: nobody knows
};

class Device {
 public:
  virtual ~Device() = default;

  virtual const Kernels& kernels() const = 0;  // enqueue on the compute stream

  // Uninitialised memory aligned to 64 bytes, large blocks in huge pages where the system has them.
  // Throws Error (Exit::environment) with what was asked for when there is not enough.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory, std::size_t bytes) noexcept = 0;

  // Host memory that kernels read and write, at the pace of the bus: of a GPU it is pinned. For
  // much of it at a time, which is not counted as device memory. Throws as `allocate` does.
  // Released when what was enqueued is done.
  virtual void* allocate_host(std::size_t bytes);
  virtual void release_host(void* memory, std::size_t bytes) noexcept;

  // Host to device; the host's bytes have been read when it returns.
  virtual void upload(void* to, const void* from, std::size_t bytes) = 0;
  virtual void download(void* to, const void* from,
                        std::size_t bytes) = 0;  // device to host; waits
  // Within the device, between places that do not overlap.
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void synchronize() = 0;  // the host waits
  // Here it waits in `fetch`: right for devices that have done their work when a call returns.
  virtual std::unique_ptr<Landing> make_landing();
  // What is enqueued between the two may be held back until `end_step` or until the host waits, and
  // be handed over at once. Same work, same order.
  virtual void begin_step() {}
  virtual void end_step() {}
  // The end of the stream as it is now, for `begin_aside`.
  virtual Index mark() { return 0; }
  // What is enqueued between the two (uploads, gather_rows) may run beside the stream: behind the
  // mark, not behind what was enqueued since. What is enqueued afterwards stands behind it.
  virtual void begin_aside(Index /*mark*/) {}
  virtual void end_aside() {}
  // A cudaStream_t that has got all that was enqueued, if this is a GPU.
  virtual void* stream() { return nullptr; }

  // What the device has of memory now, other processes' use taken off; none if it cannot tell.
  struct Memory {
    std::size_t free, total;
  };
  virtual std::optional<Memory> memory() const { return std::nullopt; }

  std::size_t bytes_in_use() const { return bytes_in_use_; }
  std::size_t peak_bytes() const { return peak_bytes_; }
  std::uint64_t allocations() const { return allocations_; }  // how often `allocate` was called
  std::size_t host_bytes_in_use() const { return host_bytes_in_use_; }  // of allocate_host

 protected:
  void count_allocation(std::size_t bytes);
  void count_release(std::size_t bytes) { bytes_in_use_ -= bytes; }
  void count_host_allocation(std::size_t bytes) { host_bytes_in_use_ += bytes; }
  void count_host_release(std::size_t bytes) { host_bytes_in_use_ -= bytes; }

 private:
  std::size_t bytes_in_use_ = 0;
  std::size_t peak_bytes_ = 0;
  std::uint64_t allocations_ = 0;
  std::size_t host_bytes_in_use_ = 0;
};

// Throws Error (Exit::environment) when this build or this machine has no such device.
std::unique_ptr<Device> make_device(const DeviceOptions& options);

// Implemented by kernels/cuda, or by cuda_absent.cpp, which knows no GPU and throws "built without
// CUDA".
std::unique_ptr<Device> make_cuda_device(const DeviceOptions& options);
int count_gpus();                      // that this process sees; 0 where there is no driver
std::string gpu_address(int ordinal);  // on the bus: the same for every process of the host
// Starts what the driver starts at a GPU's first use. Any thread may do it beforehand; what fails
// is told by make_device.
void wake_gpu(int ordinal) noexcept;

}  // namespace chorale
