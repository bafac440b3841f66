#include "comm/mpi_communicator.h"

#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <type_traits>

#include "comm/bytes.h"
#include "comm/mpi_check.h"
#include "comm/mpi_roll_call.h"
#include "kernels/check.h"

namespace chorale {
namespace {

// How often a wait tests before it offers the core to others: long enough for a message that is on
// its way between two running ranks, short enough not to matter to a rank that waits for the core.
constexpr int kSpins = 100;
constexpr int kLook = 64;  // tests between two looks at the clock
constexpr int kTag = 0;    // MPI keeps messages of one pair of ranks in order, so one tag will do

template <class T>
MPI_Datatype mpi_type() {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
  return std::is_same_v<T, float> ? MPI_FLOAT : MPI_DOUBLE;
}

// The MPI requests of one verb, and what must live until they have finished.
struct Pending {
  Pending(RollCall& r, Verb v, Index c) : roll_call(r), verb(v), call(c) {}

  RollCall& roll_call;
  Verb verb;
  Index call;  // of this communicator's verbs
  std::vector<MPI_Request> requests;
  std::vector<int> counts;
  std::vector<int> offsets;
  std::vector<Real> packed;

  MPI_Request* add() { return &requests.emplace_back(MPI_REQUEST_NULL); }
  void wait();
};

void Pending::wait() {
  if (requests.empty()) return;
  std::vector<MPI_Status> statuses(requests.size());
  int done = 0;
  for (int spin = 0; done == 0; ++spin) {
    if (spin > kSpins) sched_yield();
    int code =
        MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, statuses.data());
    if (code == MPI_ERR_IN_STATUS) {
      for (const MPI_Status& s : statuses) {
        if (s.MPI_ERROR != MPI_SUCCESS && s.MPI_ERROR != MPI_ERR_PENDING) code = s.MPI_ERROR;
      }
    }
    check_mpi(code, "MPI_Testall");
    if (done == 0 && spin % kLook == kLook - 1) roll_call.look(verb, call);
  }
  requests.clear();
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(const Patience& patience, Index largest_message)
      : roll_call_(MPI_COMM_WORLD, patience), largest_message_(largest_message) {
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm_), "MPI_Comm_dup");
    check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;
  ~MpiCommunicator() override {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized == 0) MPI_Comm_free(&comm_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    require_packed("all_to_all sends", send.size(), sent, size());
    require_packed("all_to_all receives", recv.size(), received, size());
    const std::vector<Index> send_at = offsets_of(sent);
    const std::vector<Index> recv_at = offsets_of(received);
    const auto me = static_cast<std::size_t>(rank_);
    require(sent[me] == received[me], "all_to_all: rank {} sends itself {} bytes, but expects {}",
            rank_, sent[me], received[me]);

    auto pending = start(Verb::all_to_all);
    for_each_peer([&](int peer, std::size_t p) {
      post_receives(*pending, part(recv, recv_at[p], received[p]), peer);
    });
    for_each_peer([&](int peer, std::size_t p) {
      post_sends(*pending, part(send, send_at[p], sent[p]), peer);
    });
    copy_bytes(part(send, send_at[me], sent[me]), part(recv, recv_at[me], received[me]));
    return under_way(std::move(pending));
  }

  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    require_packed("all_gather receives", all.size(), each, size());
    const auto me = static_cast<std::size_t>(rank_);
    require(each[me] == static_cast<Index>(mine.size()),
            "all_gather: rank {} brings {} bytes, its count is {}", rank_, mine.size(), each[me]);
    const std::vector<Index> at = offsets_of(each);
    auto pending = start(Verb::all_gather);
    if (static_cast<Index>(all.size()) <= largest_message_) {
      pending->counts.assign(each.begin(), each.end());
      pending->offsets.assign(at.begin(), at.end() - 1);
      check_mpi(MPI_Iallgatherv(mine.data(), static_cast<int>(mine.size()), MPI_BYTE, all.data(),
                                pending->counts.data(), pending->offsets.data(), MPI_BYTE, comm_,
                                pending->add()),
                "MPI_Iallgatherv");
      return under_way(std::move(pending));
    }
    for_each_peer(
        [&](int peer, std::size_t p) { post_receives(*pending, part(all, at[p], each[p]), peer); });
    for_each_peer([&](int peer, std::size_t) { post_sends(*pending, mine, peer); });
    copy_bytes(mine, part(all, at[me], each[me]));
    return under_way(std::move(pending));
  }

  Request all_reduce_sum(View inout) override {
    auto pending = start(Verb::all_reduce_sum);
    const bool straight = inout.is_contiguous();
    if (!straight) pending->packed = packed(inout);
    Real* values = straight ? inout.data : pending->packed.data();
    const Index step = std::max<Index>(1, largest_message_ / static_cast<Index>(sizeof(Real)));
    for (Index done = 0; done < inout.size(); done += step) {
      const int count = static_cast<int>(std::min(step, inout.size() - done));
      check_mpi(MPI_Iallreduce(MPI_IN_PLACE, values + done, count, mpi_type<Real>(), MPI_SUM, comm_,
                               pending->add()),
                "MPI_Iallreduce");
    }
    if (straight) return under_way(std::move(pending));
    return Request([pending = std::move(pending), inout] {
      pending->wait();
      unpack(pending->packed, inout);
    });
  }

  Request broadcast(MutableBytes inout, int root) override {
    require(0 <= root && root < size_, "broadcast: root {} of {} ranks", root, size_);
    auto pending = start(Verb::broadcast);
    for_each_message(inout, [&](MutableBytes message) {
      check_mpi(MPI_Ibcast(message.data(), static_cast<int>(message.size()), MPI_BYTE, root, comm_,
                           pending->add()),
                "MPI_Ibcast");
    });
    return under_way(std::move(pending));
  }

  void barrier() override {
    const auto pending = start(Verb::barrier);
    check_mpi(MPI_Ibarrier(comm_, pending->add()), "MPI_Ibarrier");
    pending->wait();
  }

  Communicator& host() override { return *this; }

 private:
  // Shared, because std::function wants to be copied; there is one owner.
  std::shared_ptr<Pending> start(Verb verb) {
    return std::make_shared<Pending>(roll_call_, verb, ++calls_);
  }
  static Request under_way(std::shared_ptr<Pending> pending) {
    return Request([pending = std::move(pending)] { pending->wait(); });
  }

  static std::vector<Real> packed(ConstView x) {
    std::vector<Real> values;
    values.reserve(static_cast<std::size_t>(x.size()));
    for (Index i = 0; i < x.rows; ++i) values.insert(values.end(), x.row(i), x.row(i) + x.cols);
    return values;
  }

  static void unpack(const std::vector<Real>& values, View x) {
    for (Index i = 0; i < x.rows; ++i) std::copy_n(values.data() + i * x.cols, x.cols, x.row(i));
  }

  // From the next rank on, so that not everybody talks to rank 0 first.
  template <class Visit>
  void for_each_peer(const Visit& visit) const {
    for (int step = 1; step < size_; ++step) {
      const int peer = (rank_ + step) % size_;
      visit(peer, static_cast<std::size_t>(peer));
    }
  }

  // Cuts a buffer into messages; an empty one needs none.
  template <class Span, class Visit>
  void for_each_message(Span buffer, const Visit& visit) const {
    const auto largest = static_cast<std::size_t>(largest_message_);
    for (std::size_t done = 0; done < buffer.size(); done += largest) {
      visit(buffer.subspan(done, std::min(largest, buffer.size() - done)));
    }
  }

  void post_receives(Pending& pending, MutableBytes buffer, int peer) const {
    for_each_message(buffer, [&](MutableBytes message) {
      check_mpi(MPI_Irecv(message.data(), static_cast<int>(message.size()), MPI_BYTE, peer, kTag,
                          comm_, pending.add()),
                "MPI_Irecv");
    });
  }

  void post_sends(Pending& pending, Bytes buffer, int peer) const {
    for_each_message(buffer, [&](Bytes message) {
      check_mpi(MPI_Isend(message.data(), static_cast<int>(message.size()), MPI_BYTE, peer, kTag,
                          comm_, pending.add()),
                "MPI_Isend");
    });
  }

  RollCall roll_call_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  Index largest_message_;
  Index calls_ = 0;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(const Patience& patience,
                                                    Index largest_message) {
  return std::make_unique<MpiCommunicator>(patience, largest_message);
}

}  // namespace chorale
