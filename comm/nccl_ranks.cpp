#include "comm/nccl_ranks.h"

#include <exception>
#include <span>
#include <string_view>
#include <utility>

#include "kernels/log.h"

namespace chorale {
namespace {

constexpr std::chrono::milliseconds kEvery{250};  // between two looks of the guard

}  // namespace

void check_cuda(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  throw Error(Exit::environment,
              fmt::format("{} on host {}: {}", call, host_name(), cudaGetErrorString(code)),
              "an earlier kernel may have failed: run with CUDA_LAUNCH_BLOCKING=1 to learn which");
}

NcclRanks::NcclRanks(Communicator& host, cudaStream_t stream, const Patience& patience)
    : host_(host), stream_(stream), patience_(patience), exceptions_(std::uncaught_exceptions()) {
  ncclUniqueId id{};
  if (host.rank() == 0) check(ncclGetUniqueId(&id), "ncclGetUniqueId");
  host.broadcast(std::as_writable_bytes(std::span(&id, 1)), 0).wait();
  check(ncclCommInitRank(&comm_, host.size(), id, host.rank()), "ncclCommInitRank");
  check_cuda(cudaGetDevice(&gpu_), "cudaGetDevice");
  check_cuda(cudaEventCreateWithFlags(&probe_, cudaEventDisableTiming), "cudaEventCreate");
  watcher_ = std::thread([this] { watch(); });
}

NcclRanks::~NcclRanks() {
  {
    const std::lock_guard lock(guard_);
    ends_ = true;
  }
  wake_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  if (comm_ != nullptr) is_unwinding() ? ncclCommAbort(comm_) : ncclCommDestroy(comm_);
  if (probe_ != nullptr) cudaEventDestroy(probe_);
}

void NcclRanks::poll() {
  const std::lock_guard lock(guard_);
  ncclResult_t state = ncclSuccess;
  check(ncclCommGetAsyncError(alive(), &state), "ncclCommGetAsyncError");
  check(state, "a message under way");
}

ncclComm_t NcclRanks::alive() const {
  if (ended_by_) throw *ended_by_;
  return comm_;
}

void NcclRanks::check(ncclResult_t code, const char* what) {
  if (code == ncclSuccess || code == ncclInProgress) return;
  const char* last = ncclGetLastError(comm_);
  const std::string_view detail = last == nullptr ? "" : last;
  const bool others = code == ncclRemoteError || code == ncclSystemError;
  end(others ? Exit::peer_lost : Exit::environment,
      fmt::format("{}: {}{}{}", what, ncclGetErrorString(code), detail.empty() ? "" : ": ",
                  detail));
  throw *ended_by_;
}

void NcclRanks::end(Exit code, const std::string& what) {
  ended_by_.emplace(code,
                    fmt::format("NCCL on host {}, rank {} of {}: {}", host_name(), host_.rank(),
                                host_.size(), what),
                    "see the log of the rank that failed first; NCCL_DEBUG=INFO tells more");
  if (comm_ != nullptr) ncclCommAbort(std::exchange(comm_, nullptr));
}

void NcclRanks::watch() {
  cudaSetDevice(gpu_);
  std::unique_lock lock(guard_);
  while (!wake_.wait_for(lock, kEvery, [&] { return ends_; })) {
    try {
      if (!ended_by_) look();
    } catch (const Error& error) {
      log_warning("{}", error.what());
    }
  }
}

void NcclRanks::look() {
  ncclResult_t state = ncclSuccess;
  check(ncclCommGetAsyncError(comm_, &state), "ncclCommGetAsyncError");
  check(state, "a message under way");
  if (is_probing_ && cudaEventQuery(probe_) == cudaErrorNotReady) return look_at_the_clock();
  check_cuda(cudaEventRecord(probe_, stream_), "cudaEventRecord");
  is_probing_ = true;
  is_said_ = false;
  since_ = Clock::now();
}

void NcclRanks::look_at_the_clock() {
  const auto waited = Clock::now() - since_;
  const double seconds = std::chrono::duration<double>(waited).count();
  if (!is_said_ && waited >= patience_.until_said) {
    is_said_ = true;
    log_warning("a message between GPUs, or what it stands behind, takes more than {:.0f} s",
                seconds);
  }
  if (patience_.until_given_up.count() > 0 && waited >= patience_.until_given_up) {
    end(Exit::peer_lost, fmt::format("a message has been under way for {:.0f} s", seconds));
    throw *ended_by_;
  }
}

}  // namespace chorale
