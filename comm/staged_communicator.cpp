// An operation owns the host memory that its bytes pass through until it has been waited for, so
// several may be under way. Operations and their memory are used again: in the steady state nothing
// is allocated.
#include "comm/staged_communicator.h"

#include <algorithm>
#include <vector>

#include "kernels/array.h"

namespace chorale {
namespace {

// Host memory that grows and never shrinks.
class Staging {
 public:
  // The first `bytes` of it; what was there is lost if it has to grow.
  MutableBytes take(std::size_t bytes) {
    // An eighth more than asked for: batches differ a little in size from step to step.
    if (memory_.size() < bytes) memory_.assign(bytes + bytes / 8, std::byte{0});
    return MutableBytes(memory_).first(bytes);
  }

 private:
  std::vector<std::byte> memory_;  // aligned for any number, as every allocation is
};

class StagedCommunicator final : public Communicator {
 public:
  StagedCommunicator(Device& device, Communicator& host) : device_(device), host_(host) {}

  int rank() const override { return host_.rank(); }
  int size() const override { return host_.size(); }
  Communicator& host() override { return host_; }

  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    Operation& o = begin();
    const Bytes staged = download(send, o.sent);
    o.to = recv;
    o.arrived = o.received.take(recv.size());
    o.request = host_.all_to_all(staged, sent, o.arrived, received);
    return under_way(o);
  }

  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    Operation& o = begin();
    const Bytes staged = download(mine, o.sent);
    o.to = all;
    o.arrived = o.received.take(all.size());
    o.request = host_.all_gather(staged, o.arrived, each);
    return under_way(o);
  }

  // Rows apart by a stride are packed on the device before the way there and unpacked after the way
  // back. Other work of the stream stands before or after both, so all operations share the
  // scratch.
  Request all_reduce_sum(View inout) override {
    Operation& o = begin();
    if (inout.is_contiguous()) {
      o.to = bytes_of(inout);
    } else {
      o.to = bytes_of(packed_like(inout));
      o.unpacked = inout;
      device_.kernels().copy(inout, packed_like(inout));
    }
    o.arrived = download(o.to, o.received);
    auto* values = reinterpret_cast<Real*>(o.arrived.data());
    o.request = host_.all_reduce_sum({values, inout.rows, inout.cols});
    return under_way(o);
  }

  Request broadcast(MutableBytes inout, int root) override {
    Operation& o = begin();
    const bool sends = rank() == root;
    o.to = sends ? MutableBytes() : inout;
    o.arrived = sends ? download(inout, o.received) : o.received.take(inout.size());
    o.request = host_.broadcast(o.arrived, root);
    return under_way(o);
  }

  void barrier() override {
    device_.synchronize();
    host_.barrier();
  }

 private:
  struct Operation {
    Staging sent, received;
    MutableBytes arrived;  // of `received`: what is to be uploaded
    MutableBytes to;       // device memory
    View unpacked;         // if it has data: what arrived goes there, through the scratch
    Request request;       // of the host communicator; last, so that it ends before its memory
  };

  Operation& begin() {
    if (idle_.empty()) {
      operations_.push_back(std::make_unique<Operation>());
      idle_.push_back(operations_.back().get());
    }
    Operation& o = *idle_.back();
    idle_.pop_back();
    o.unpacked = {};
    return o;
  }

  Request under_way(Operation& o) {
    return Request([this, &o] { finish(o); });
  }

  void finish(Operation& o) {
    o.request.wait();
    const bool straight = o.unpacked.data == nullptr;
    if (!straight) o.to = bytes_of(packed_like(o.unpacked));  // it may have grown meanwhile
    if (!o.to.empty()) device_.upload(o.to.data(), o.arrived.data(), o.to.size());
    if (!straight) device_.kernels().copy(packed_like(o.unpacked), o.unpacked);
    idle_.push_back(&o);
  }

  // Waits for the work enqueued on the device.
  MutableBytes download(Bytes from, Staging& staging) {
    const MutableBytes to = staging.take(from.size());
    if (!from.empty()) device_.download(to.data(), from.data(), from.size());
    return to;
  }

  View packed_like(View x) {
    if (packed_.size() < x.size()) packed_ = Array<Real>(device_, x.size());
    return {packed_.data(), x.rows, x.cols};
  }

  static MutableBytes bytes_of(View x) {
    return std::as_writable_bytes(std::span(x.data, static_cast<std::size_t>(x.size())));
  }

  Device& device_;
  Communicator& host_;
  Array<Real> packed_;
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<Operation*> idle_;
};

}  // namespace

std::unique_ptr<Communicator> make_staged_communicator(Device& device, Communicator& host) {
  return std::make_unique<StagedCommunicator>(device, host);
}

}  // namespace chorale
