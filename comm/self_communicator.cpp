#include "comm/self_communicator.h"

#include "comm/bytes.h"
#include "kernels/check.h"

namespace chorale {
namespace {

class SelfCommunicator : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }

  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    require(sent.size() == 1 && received.size() == 1 && sent[0] == received[0],
            "all_to_all on one rank: one equal count each way");
    return carry("all_to_all", send, recv);
  }

  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    require(each.size() == 1 && each[0] == static_cast<Index>(mine.size()),
            "all_gather on one rank: one count, {} bytes", mine.size());
    return carry("all_gather", mine, all);
  }

  Request all_reduce_sum(View) override { return {}; }

  Request broadcast(MutableBytes, int root) override {
    require(root == 0, "broadcast: root {} of one rank", root);
    return {};
  }

  void barrier() override {}
  Communicator& host() override { return *this; }

 private:
  virtual void copy(Bytes from, MutableBytes to) { copy_bytes(from, to); }

  Request carry(const char* verb, Bytes from, MutableBytes to) {
    require(from.size() == to.size(), "{} on one rank: {} bytes to {} bytes", verb, from.size(),
            to.size());
    copy(from, to);
    return {};
  }
};

class DeviceSelfCommunicator final : public SelfCommunicator {
 public:
  DeviceSelfCommunicator(Device& device, Communicator& host) : device_(device), host_(host) {
    require(host.size() == 1, "a communicator of one rank for {} ranks", host.size());
  }

  void barrier() override { device_.synchronize(); }
  Communicator& host() override { return host_; }

 private:
  void copy(Bytes from, MutableBytes to) override {
    if (!from.empty()) device_.copy(to.data(), from.data(), from.size());
  }

  Device& device_;
  Communicator& host_;
};

}  // namespace

std::unique_ptr<Communicator> make_self_communicator() {
  return std::make_unique<SelfCommunicator>();
}

std::unique_ptr<Communicator> make_self_communicator(Device& device, Communicator& host) {
  return std::make_unique<DeviceSelfCommunicator>(device, host);
}

}  // namespace chorale
