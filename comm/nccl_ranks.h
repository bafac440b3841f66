// The ranks as NCCL knows them, what becomes of its errors, and a guard.
//
// NCCL's kernels wait for other ranks for ever, and the host for them. So a thread looks several
// times a second whether a message under way has failed, or takes longer than anybody has patience
// for, and then ends the communicator: that frees the stream, and the next verb throws.
#pragma once

#include <cuda_runtime.h>
#include <nccl.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "comm/communicator.h"
#include "comm/patience.h"
#include "kernels/check.h"

namespace chorale {

// Throws Error (Exit::environment) unless `code` is success.
void check_cuda(cudaError_t code, const char* call);

class NcclRanks {
 public:
  // Messages are enqueued on `stream`, of the calling thread's GPU. Collective.
  NcclRanks(Communicator& host, cudaStream_t stream, const Patience& patience);
  NcclRanks(const NcclRanks&) = delete;
  NcclRanks& operator=(const NcclRanks&) = delete;
  ~NcclRanks();

  // An exception passes by: other ranks may be gone, so nothing may wait for them.
  bool is_unwinding() const { return std::uncaught_exceptions() > exceptions_; }

  // Throws if a message under way has failed.
  void poll();

  // Throws unless body(comm) returns success.
  template <class Body>
  void call(const char* what, const Body& body) {
    const std::lock_guard lock(guard_);
    check(body(alive()), what);
  }
  // All calls that body(comm, note) hands to `note`, as one operation.
  template <class Body>
  void together(const char* what, const Body& body) {
    call(what, [&](ncclComm_t comm) {
      ncclResult_t worst = ncclGroupStart();
      const auto note = [&](ncclResult_t code) {
        if (worst == ncclSuccess) worst = code;
      };
      body(comm, note);
      note(ncclGroupEnd());
      return worst;
    });
  }

 private:
  using Clock = std::chrono::steady_clock;

  // All of these with the lock held.
  ncclComm_t alive() const;  // throws what ended it
  void check(ncclResult_t code, const char* what);
  void end(Exit code, const std::string& what);
  void look();
  void look_at_the_clock();

  void watch();  // the guard's thread

  Communicator& host_;
  cudaStream_t stream_;
  const Patience patience_;
  int exceptions_;
  int gpu_ = 0;
  ncclComm_t comm_ = nullptr;
  std::optional<Error> ended_by_;
  cudaEvent_t probe_ = nullptr;  // behind all messages there were when it was put there
  bool is_probing_ = false;
  bool is_said_ = false;  // that the probe is late
  Clock::time_point since_;
  std::mutex guard_;
  std::condition_variable wake_;
  bool ends_ = false;
  std::thread watcher_;
};

}  // namespace chorale
