// An operation (its event, and memory to pack into) is used again when it has been waited for, so
// that nothing is created in the steady state.
#include "comm/nccl_communicator.h"

#include <cuda_runtime.h>
#include <nccl.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "comm/bytes.h"
#include "comm/nccl_ranks.h"
#include "kernels/array.h"
#include "kernels/check.h"

namespace chorale {
namespace {

static_assert(std::is_same_v<Real, float>, "GPUs compute in float");
constexpr Index kRealBytes = static_cast<Index>(sizeof(Real));

class Stream {
 public:
  // Before other work of the GPU, so that a message does not wait for a long kernel's last blocks.
  Stream() {
    int least = 0, greatest = 0;
    check_cuda(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriority");
    check_cuda(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, greatest),
               "cudaStreamCreate");
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }

  operator cudaStream_t() const { return stream_; }  // NOLINT: it is one

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() {
    check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreate");
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }

  // What `later` gets after this call comes after what `earlier` has got before it.
  void order(cudaStream_t earlier, cudaStream_t later) {
    record(earlier);
    hold(later);
  }
  void record(cudaStream_t stream) {
    check_cuda(cudaEventRecord(event_, stream), "cudaEventRecord");
  }
  void hold(cudaStream_t stream) {
    check_cuda(cudaStreamWaitEvent(stream, event_, 0), "cudaStreamWaitEvent");
  }

 private:
  cudaEvent_t event_ = nullptr;
};

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(Device& device, Communicator& host, const Patience& patience)
      : device_(device), host_(host), ranks_(host, stream_, patience) {
    warm_up();
  }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;
  ~NcclCommunicator() override {
    if (!ranks_.is_unwinding()) cudaStreamSynchronize(stream_);
  }

  int rank() const override { return host_.rank(); }
  int size() const override { return host_.size(); }
  Communicator& host() override { return host_; }

  // One message to each peer, all in one kernel; from the next rank on, so that not everybody talks
  // to rank 0 first.
  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    require_packed("all_to_all sends", send.size(), sent, size());
    require_packed("all_to_all receives", recv.size(), received, size());
    const std::vector<Index> send_at = offsets_of(sent), recv_at = offsets_of(received);
    const auto me = static_cast<std::size_t>(rank());
    require(sent[me] == received[me], "all_to_all: rank {} sends itself {} bytes, but expects {}",
            rank(), sent[me], received[me]);
    Operation& o = begin();
    copy(part(send, send_at[me], sent[me]), part(recv, recv_at[me], received[me]));
    ranks_.together("all_to_all", [&](ncclComm_t comm, const auto& note) {
      for (int step = 1; step < size(); ++step) {
        const int next = (rank() + step) % size(), last = (rank() + size() - step) % size();
        const auto to = static_cast<std::size_t>(next), from = static_cast<std::size_t>(last);
        const Bytes out = part(send, send_at[to], sent[to]);
        const MutableBytes in = part(recv, recv_at[from], received[from]);
        if (!out.empty()) note(ncclSend(out.data(), out.size(), ncclInt8, next, comm, stream_));
        if (!in.empty()) note(ncclRecv(in.data(), in.size(), ncclInt8, last, comm, stream_));
      }
    });
    return under_way(o);
  }

  // Parts of one size by NCCL's own verb; others by a broadcast each, which like it crosses every
  // link once, also between hosts, where messages to each peer would not.
  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    require_packed("all_gather receives", all.size(), each, size());
    const auto me = static_cast<std::size_t>(rank());
    require(each[me] == static_cast<Index>(mine.size()),
            "all_gather: rank {} brings {} bytes, its count is {}", rank(), mine.size(), each[me]);
    Operation& o = begin();
    if (std::equal(each.begin() + 1, each.end(), each.begin())) {
      ranks_.call("all_gather", [&](ncclComm_t comm) {
        return ncclAllGather(mine.data(), all.data(), mine.size(), ncclInt8, comm, stream_);
      });
      return under_way(o);
    }
    const std::vector<Index> at = offsets_of(each);
    ranks_.together("all_gather", [&](ncclComm_t comm, const auto& note) {
      for (int root = 0; root < size(); ++root) {
        const auto r = static_cast<std::size_t>(root);
        const MutableBytes to = part(all, at[r], each[r]);
        const void* from = root == rank() ? mine.data() : to.data();
        if (!to.empty()) {
          note(ncclBroadcast(from, to.data(), to.size(), ncclInt8, root, comm, stream_));
        }
      }
    });
    return under_way(o);
  }

  // Rows apart by a stride are packed by the device before the way and unpacked after it.
  Request all_reduce_sum(View inout) override {
    Operation& o = take();
    View packed = inout;
    if (!inout.is_contiguous()) {
      if (o.memory.size() < inout.size()) o.memory = Array<Real>(device_, inout.size());
      packed = {o.memory.data(), inout.rows, inout.cols};
      o.unpacked = inout;
      device_.kernels().copy(inout, packed);
    }
    follow();
    if (inout.size() > 0) {
      ranks_.call("all_reduce_sum", [&](ncclComm_t comm) {
        return ncclAllReduce(packed.data, packed.data, static_cast<std::size_t>(inout.size()),
                             ncclFloat32, ncclSum, comm, stream_);
      });
    }
    return under_way(o);
  }

  Request broadcast(MutableBytes inout, int root) override {
    require(0 <= root && root < size(), "broadcast: root {} of {} ranks", root, size());
    Operation& o = begin();
    if (!inout.empty()) {
      ranks_.call("broadcast", [&](ncclComm_t comm) {
        return ncclBroadcast(inout.data(), inout.data(), inout.size(), ncclInt8, root, comm,
                             stream_);
      });
    }
    return under_way(o);
  }

  void barrier() override {
    ranks_.poll();
    device_.synchronize();
    host_.barrier();
  }

 private:
  struct Operation {
    Event done;
    Array<Real> memory;  // for rows that are not contiguous
    View unpacked;       // if it has data, where `memory` belongs
  };

  Operation& take() {
    ranks_.poll();
    if (idle_.empty()) {
      operations_.push_back(std::make_unique<Operation>());
      idle_.push_back(operations_.back().get());
    }
    Operation& o = *idle_.back();
    idle_.pop_back();
    o.unpacked = {};
    return o;
  }

  cudaStream_t main() const { return static_cast<cudaStream_t>(device_.stream()); }

  // What follows comes after the work enqueued on the device.
  void follow() { ready_.order(main(), stream_); }

  Operation& begin() {
    Operation& o = take();
    follow();
    return o;
  }

  Request under_way(Operation& o) {
    o.done.record(stream_);
    return Request([this, &o] { finish(o); });
  }

  void finish(Operation& o) {
    if (ranks_.is_unwinding()) return;  // nothing will be computed any more
    o.done.hold(main());
    if (o.unpacked.data != nullptr) {
      device_.kernels().copy({o.memory.data(), o.unpacked.rows, o.unpacked.cols}, o.unpacked);
    }
    idle_.push_back(&o);
  }

  void copy(Bytes from, MutableBytes to) {
    if (from.empty()) return;
    check_cuda(
        cudaMemcpyAsync(to.data(), from.data(), from.size(), cudaMemcpyDeviceToDevice, stream_),
        "copy within the GPU");
  }

  // NCCL connects two ranks when they first speak, which takes long: here, not in the first step.
  void warm_up() {
    const auto ranks = static_cast<std::size_t>(size());
    const std::vector<Index> one(ranks, kRealBytes);
    std::vector<Index> uneven = one;
    uneven.back() = 2 * kRealBytes;
    const Array<Real> from(device_, size()), to(device_, size() + 1);
    const MutableBytes out = std::as_writable_bytes(from.span()),
                       in = std::as_writable_bytes(to.span());
    const auto mine = static_cast<std::size_t>(uneven[static_cast<std::size_t>(rank())]);
    const auto first = [](auto bytes, std::size_t n) { return bytes.first(n); };
    device_.kernels().fill(0, {from.data(), 1, from.size()});
    all_to_all(out, one, first(in, out.size()), one).wait();
    all_gather(first(out, sizeof(Real)), first(in, out.size()), one).wait();
    if (size() > 1) all_gather(first(out, mine), in, uneven).wait();
    all_reduce_sum({from.data(), 1, 1}).wait();
    device_.synchronize();
    ranks_.poll();
  }

  Device& device_;
  Communicator& host_;
  // The order of members matters: NCCL ends first, so that nobody waits for a message that never
  // comes.
  Stream stream_;
  Event ready_;
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<Operation*> idle_;
  NcclRanks ranks_;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(Device& device, Communicator& host,
                                                     const Patience& patience) {
  return std::make_unique<NcclCommunicator>(device, host, patience);
}

std::string nccl_version() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "unknown";
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace chorale
