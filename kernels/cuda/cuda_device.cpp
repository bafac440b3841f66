// A GPU as a device: one stream in which copies and kernels run in the order they were enqueued.
//
// Copies pass through pinned memory, so that `upload` has read the host's bytes when it returns and
// yet does not wait for the stream.
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "kernels/cuda/cuda_check.h"
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/cusparse_product.h"
#include "kernels/cuda/measured_product.h"
#include "kernels/cuda/pinned.h"
#include "kernels/cuda/stream_queue.h"
#include "kernels/device.h"

namespace chorale {
namespace {

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// Why there is no GPU. CUDA says the same of a driver that is too old and of none at all.
std::string reason(cudaError_t found) {
  if (found == cudaSuccess) return "none visible";
  if (found == cudaErrorInsufficientDriver) {
    return "found no usable NVIDIA driver: it is not installed, or too old for this build";
  }
  return cudaGetErrorString(found);
}

// What must be known before the queue can be made.
struct Opened {
  explicit Opened(int ordinal) {
    int devices = 0;
    const cudaError_t found = cudaGetDeviceCount(&devices);
    if (found != cudaSuccess || devices == 0) {
      throw Error(Exit::environment,
                  fmt::format("no GPU on host {}: {}", host_name(), reason(found)),
                  "compute on the CPU (device: CPU, or --device CPU), or look at nvidia-smi and "
                  "CUDA_VISIBLE_DEVICES");
    }
    require_user(ordinal < devices, Exit::environment,
                 "start fewer ranks a host, or look at CUDA_VISIBLE_DEVICES",
                 "GPU {} of host {} is asked for, but there are {}", ordinal, host_name(), devices);
    cuda::check(cudaSetDevice(ordinal), "cudaSetDevice");
    cuda::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    cuda::check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, ordinal),
                "cudaDeviceGetAttribute");
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() { cudaStreamDestroy(stream); }

  cudaStream_t stream = nullptr;
  int processors = 0;
};

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(const DeviceOptions& options)
      : ordinal_(options.ordinal),
        opened_(options.ordinal),
        queue_(opened_.stream, opened_.processors),
        own_kernels_(queue_),
        sparse_(make_sparse(options)),
        kernels_(queue_, {.bf16_contrast = options.bf16_contrast}, sparse_.get()),
        staging_(queue_),
        has_step_graph_(options.step_graph),
        planned_bytes_(options.planned_bytes) {}
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;
  ~CudaDevice() override { finish(); }

  const Kernels& kernels() const override { return kernels_; }
  void* stream() override { return queue_.stream(); }

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    const cudaError_t code = cudaMalloc(&memory, std::max<std::size_t>(bytes, 1));
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // this error is told below
      throw out_of_memory(bytes);
    }
    cuda::check(code, "cudaMalloc");
    count_allocation(bytes);
    return memory;
  }

  std::optional<Memory> memory() const override {
    Memory now{};
    cuda::check(cudaMemGetInfo(&now.free, &now.total), "cudaMemGetInfo");
    return now;
  }

  void release(void* memory, std::size_t bytes) noexcept override {
    finish();  // what is enqueued may still use it
    if (sparse_) sparse_->forget(memory, bytes);
    cudaFree(memory);
    count_release(bytes);
  }

  void* allocate_host(std::size_t bytes) override {
    void* memory = nullptr;
    const cudaError_t code = cudaHostAlloc(&memory, bytes, cudaHostAllocDefault);
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // this error is told below
      throw Error(Exit::environment,
                  fmt::format("host {}: out of memory that can be pinned: asked for {:.1f} MiB, "
                              "with {:.1f} MiB in use by this rank",
                              host_name(), mebibytes(bytes), mebibytes(host_bytes_in_use())),
                  "use more ranks on more hosts, or fewer columns");
    }
    cuda::check(code, "cudaHostAlloc");
    count_host_allocation(bytes);
    return memory;
  }

  void release_host(void* memory, std::size_t bytes) noexcept override {
    finish();
    cudaFreeHost(memory);
    count_host_release(bytes);
  }

  void upload(void* to, const void* from, std::size_t bytes) override {
    for (std::size_t done = 0; done < bytes; done += cuda::Staging::kMost) {
      const std::size_t n = std::min(cuda::Staging::kMost, bytes - done);
      void* place = staging_.take(n);
      std::memcpy(place, static_cast<const std::byte*>(from) + done, n);
      queue_.copy(static_cast<std::byte*>(to) + done, place, n, cudaMemcpyHostToDevice);
    }
  }

  void download(void* to, const void* from, std::size_t bytes) override {
    for (std::size_t done = 0; done < bytes; done += cuda::Staging::kMost) {
      const std::size_t n = std::min(cuda::Staging::kMost, bytes - done);
      void* place = staging_.take(n);
      queue_.copy(place, static_cast<const std::byte*>(from) + done, n, cudaMemcpyDeviceToHost);
      queue_.synchronize();
      std::memcpy(static_cast<std::byte*>(to) + done, place, n);
    }
  }

  void copy(void* to, const void* from, std::size_t bytes) override {
    queue_.copy(to, from, bytes, cudaMemcpyDeviceToDevice);
  }
  void synchronize() override { queue_.synchronize(); }
  std::unique_ptr<Landing> make_landing() override { return cuda::make_landing(queue_); }

  Index mark() override { return queue_.mark_place(); }
  void begin_aside(Index mark) override { queue_.begin_aside(mark); }
  void end_aside() override { queue_.end_aside(); }

  void begin_step() override {
    if (has_step_graph_) queue_.begin_step();
  }
  void end_step() override {
    if (has_step_graph_) queue_.end_step();
  }

 private:
  Error out_of_memory(std::size_t asked) const {
    const Memory now = *memory();
    std::string text = fmt::format(
        "GPU {} of host {}: out of memory: asked for {:.1f} MiB, free {:.1f} of {:.1f} MiB, with "
        "{:.1f} MiB in use by this rank",
        ordinal_, host_name(), mebibytes(asked), mebibytes(now.free), mebibytes(now.total),
        mebibytes(bytes_in_use()));
    if (planned_bytes_ > 0) text += fmt::format(" of {:.1f} planned", mebibytes(planned_bytes_));
    return {Exit::environment, text,
            "use more ranks on more GPUs, a smaller batch or fewer columns; chorale train "
            "--dry-run shows what a run needs"};
  }

  std::unique_ptr<cuda::SparseLibrary> make_sparse(const DeviceOptions& options) {
    if (options.sparse == SparseProduct::own) return nullptr;
    auto library = cuda::make_cusparse_product(queue_);
    if (options.sparse == SparseProduct::cusparse) return library;
    require(options.sparse_choices != nullptr,
            "measured sparse products, but nowhere to keep them");
    return std::make_unique<cuda::MeasuredProduct>(
        own_kernels_, std::move(library),
        [this](const std::function<void()>& work) { return queue_.milliseconds(work); },
        *options.sparse_choices);
  }

  // An error of the GPU is told to those who ask for results.
  void finish() noexcept {
    try {
      queue_.synchronize();
    } catch (const Error&) {
    }
  }

  int ordinal_;
  Opened opened_;
  cuda::StreamQueue queue_;
  CudaKernels own_kernels_;                      // without a library
  std::unique_ptr<cuda::SparseLibrary> sparse_;  // or none
  CudaKernels kernels_;
  cuda::Staging staging_;
  bool has_step_graph_;
  std::size_t planned_bytes_;
};

}  // namespace

namespace cuda {

void check(int code, const char* what) {
  if (code == cudaSuccess) return;
  throw Error(Exit::environment,
              fmt::format("{} on host {}: {}", what, host_name(),
                          cudaGetErrorString(static_cast<cudaError_t>(code))),
              "run with CUDA_LAUNCH_BLOCKING=1 to learn which kernel it was; nvidia-smi shows the "
              "state of the GPU");
}

}  // namespace cuda

std::unique_ptr<Device> make_cuda_device(const DeviceOptions& options) {
  return std::make_unique<CudaDevice>(options);
}

int count_gpus() {
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess ? devices : 0;
}

void wake_gpu(int ordinal) noexcept {
  cudaSetDevice(ordinal);
  cudaFree(nullptr);
}

std::string gpu_address(int ordinal) {
  std::array<char, 32> address{};
  cuda::check(cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), ordinal),
              "cudaDeviceGetPCIBusId");
  return address.data();
}

}  // namespace chorale
