#include "comm/self_communicator.h"

#include "comm/bytes.h"
#include "kernels/check.h"

namespace chorale {
namespace {

class SelfCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }

  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    require(sent.size() == 1 && received.size() == 1 && sent[0] == received[0],
            "all_to_all on one rank: one equal count each way");
    return copy("all_to_all", send, recv);
  }

  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    require(each.size() == 1 && each[0] == static_cast<Index>(mine.size()),
            "all_gather on one rank: one count, {} bytes", mine.size());
    return copy("all_gather", mine, all);
  }

  Request all_reduce_sum(View) override { return {}; }

  Request broadcast(MutableBytes, int root) override {
    require(root == 0, "broadcast: root {} of one rank", root);
    return {};
  }

  void barrier() override {}
  Communicator& host() override { return *this; }

 private:
  static Request copy(const char* verb, Bytes from, MutableBytes to) {
    require(from.size() == to.size(), "{} on one rank: {} bytes to {} bytes", verb, from.size(),
            to.size());
    copy_bytes(from, to);
    return {};
  }
};

}  // namespace

std::unique_ptr<Communicator> make_self_communicator() {
  return std::make_unique<SelfCommunicator>();
}

}  // namespace chorale
