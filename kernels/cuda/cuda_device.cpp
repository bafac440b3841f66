// A GPU as a device: one stream in which copies and kernels run in the order they were enqueued.
//
// Copies pass through pinned memory, so that `upload` has read the host's bytes when it returns and
// yet does not wait for the stream.
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/check.h"
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/cusparse_product.h"
#include "kernels/cuda/queue.h"
#include "kernels/device.h"

namespace chorale {
namespace {

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

void check_cuda(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  throw Error(Exit::environment,
              fmt::format("{} on host {}: {}", what, host_name(), cudaGetErrorString(code)),
              "run with CUDA_LAUNCH_BLOCKING=1 to learn which kernel it was; nvidia-smi shows the "
              "state of the GPU");
}

// Pinned host memory in equal parts used in turn; a part is used again when its copy has finished.
class Staging {
 public:
  static constexpr std::size_t kBytes = std::size_t{4} << 20;

  Staging() {
    check_cuda(cudaHostAlloc(&memory_, kBytes * events_.size(), cudaHostAllocDefault),
               "cudaHostAlloc");
    for (cudaEvent_t& e : events_) {
      check_cuda(cudaEventCreateWithFlags(&e, cudaEventDisableTiming), "cudaEventCreate");
    }
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    for (cudaEvent_t e : events_) cudaEventDestroy(e);
    cudaFreeHost(memory_);
  }

  // A part that no copy uses; `used` says that the copies enqueued so far include its last.
  void* next() {
    turn_ = (turn_ + 1) % events_.size();
    check_cuda(cudaEventSynchronize(events_[turn_]), "cudaEventSynchronize");
    return static_cast<std::byte*>(memory_) + turn_ * kBytes;
  }
  void used(cudaStream_t stream) {
    check_cuda(cudaEventRecord(events_[turn_], stream), "cudaEventRecord");
  }

 private:
  void* memory_ = nullptr;
  std::array<cudaEvent_t, 8> events_{};
  std::size_t turn_ = 0;
};

class StreamQueue final : public cuda::Queue {
 public:
  StreamQueue(cudaStream_t stream, int processors) : stream_(stream), processors_(processors) {}
  StreamQueue(const StreamQueue&) = delete;
  StreamQueue& operator=(const StreamQueue&) = delete;
  ~StreamQueue() override { cudaFree(scratch_); }

  void* stream() const override { return stream_; }
  int processors() const override { return processors_; }
  void* scratch(std::size_t bytes) override {
    if (bytes <= scratch_bytes_) return scratch_;
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    check_cuda(cudaFree(scratch_), "cudaFree");
    scratch_ = nullptr;
    scratch_bytes_ = 0;
    const std::size_t wanted = std::max(bytes, std::size_t{1} << 20);
    check_cuda(cudaMalloc(&scratch_, wanted), "cudaMalloc of scratch memory");
    scratch_bytes_ = wanted;
    return scratch_;
  }

 private:
  cudaStream_t stream_;
  int processors_;
  void* scratch_ = nullptr;
  std::size_t scratch_bytes_ = 0;
};

// What must be known before the queue can be made.
struct Opened {
  explicit Opened(int ordinal) {
    int devices = 0;
    const cudaError_t found = cudaGetDeviceCount(&devices);
    if (found != cudaSuccess || devices == 0) {
      throw Error(Exit::environment,
                  fmt::format("no GPU on host {}: {}", host_name(),
                              found != cudaSuccess ? cudaGetErrorString(found) : "none visible"),
                  "compute on the CPU (device: CPU, or --device CPU), or look at nvidia-smi and "
                  "CUDA_VISIBLE_DEVICES");
    }
    require_user(ordinal < devices, Exit::environment,
                 "start fewer ranks a host, or look at CUDA_VISIBLE_DEVICES",
                 "GPU {} of host {} is asked for, but there are {}", ordinal, host_name(), devices);
    check_cuda(cudaSetDevice(ordinal), "cudaSetDevice");
    check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    check_cuda(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, ordinal),
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
        sparse_(options.sparse == SparseProduct::cusparse ? cuda::make_cusparse_product(queue_)
                                                          : nullptr),
        kernels_(queue_, {.bf16_contrast = options.bf16_contrast}, sparse_.get()) {}
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;
  ~CudaDevice() override { cudaStreamSynchronize(opened_.stream); }

  const Kernels& kernels() const override { return kernels_; }
  void* stream() const override { return opened_.stream; }

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    const cudaError_t code = cudaMalloc(&memory, std::max<std::size_t>(bytes, 1));
    if (code == cudaErrorMemoryAllocation) {
      std::size_t free = 0, total = 0;
      cudaGetLastError();  // this error is told below
      check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
      throw Error(
          Exit::environment,
          fmt::format("GPU {} of host {}: out of memory: asked for {:.1f} MiB, free {:.1f} of "
                      "{:.1f} MiB, with {:.1f} MiB in use by this rank",
                      ordinal_, host_name(), mebibytes(bytes), mebibytes(free), mebibytes(total),
                      mebibytes(bytes_in_use())),
          "use more ranks on more GPUs, a smaller batch or fewer columns; chorale train "
          "--dry-run shows what a run needs");
    }
    check_cuda(code, "cudaMalloc");
    count_allocation(bytes);
    return memory;
  }

  void release(void* memory, std::size_t bytes) noexcept override {
    cudaStreamSynchronize(opened_.stream);  // what is enqueued may still use it
    if (sparse_) sparse_->forget(memory, bytes);
    cudaFree(memory);
    count_release(bytes);
  }

  void upload(void* to, const void* from, std::size_t bytes) override {
    for (std::size_t done = 0; done < bytes; done += Staging::kBytes) {
      const std::size_t n = std::min(Staging::kBytes, bytes - done);
      void* part = staging_.next();
      std::memcpy(part, static_cast<const std::byte*>(from) + done, n);
      check_cuda(cudaMemcpyAsync(static_cast<std::byte*>(to) + done, part, n,
                                 cudaMemcpyHostToDevice, opened_.stream),
                 "copy to the GPU");
      staging_.used(opened_.stream);
    }
  }

  void download(void* to, const void* from, std::size_t bytes) override {
    for (std::size_t done = 0; done < bytes; done += Staging::kBytes) {
      const std::size_t n = std::min(Staging::kBytes, bytes - done);
      void* part = staging_.next();
      check_cuda(cudaMemcpyAsync(part, static_cast<const std::byte*>(from) + done, n,
                                 cudaMemcpyDeviceToHost, opened_.stream),
                 "copy from the GPU");
      synchronize();
      std::memcpy(static_cast<std::byte*>(to) + done, part, n);
    }
  }

  void copy(void* to, const void* from, std::size_t bytes) override {
    check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, opened_.stream),
               "copy within the GPU");
  }

  void synchronize() override {
    check_cuda(cudaStreamSynchronize(opened_.stream), "the work enqueued on the GPU");
  }

 private:
  int ordinal_;
  Opened opened_;
  StreamQueue queue_;
  std::unique_ptr<cuda::SparseLibrary> sparse_;  // or none
  CudaKernels kernels_;
  Staging staging_;
};

}  // namespace

namespace cuda {

void check_launch(int code) { check_cuda(static_cast<cudaError_t>(code), "a kernel's launch"); }

}  // namespace cuda

std::unique_ptr<Device> make_cuda_device(const DeviceOptions& options) {
  return std::make_unique<CudaDevice>(options);
}

int count_gpus() {
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess ? devices : 0;
}

std::string gpu_address(int ordinal) {
  std::array<char, 32> address{};
  check_cuda(cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), ordinal),
             "cudaDeviceGetPCIBusId");
  return address.data();
}

}  // namespace chorale
