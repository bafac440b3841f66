// A verb posts where this rank's buffers are, meets the others, copies what it wants straight out
// of their buffers, and meets them again. All hand-over is through the mutex of the meeting.
#include "comm/thread_communicator.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "comm/bytes.h"
#include "kernels/check.h"

namespace chorale {
namespace {

// What a rank is told when another one left; told apart from that rank's own exception.
class PeerLeft final : public Error {
 public:
  explicit PeerLeft(const std::string& message) : Error(Exit::peer_lost, message) {}
};

// What one rank lays open to the others during a verb.
struct Posted {
  Bytes send;
  Counts counts;
  ConstView values;
};

class Group {
 public:
  explicit Group(int ranks) : posted(static_cast<std::size_t>(ranks)), ranks_(ranks) {}

  // Returns when all ranks have come; throws PeerLeft if one never will.
  void meet() {
    std::unique_lock lock(mutex_);
    if (left_ >= 0) throw_left();
    if (++arrived_ == ranks_) {
      arrived_ = 0;
      ++generation_;
      all_here_.notify_all();
      return;
    }
    const Index mine = generation_;
    all_here_.wait(lock, [&] { return generation_ != mine || left_ >= 0; });
    if (generation_ == mine) throw_left();
  }

  // This rank takes part no more: whoever waits for it, now or later, throws.
  void leave(int rank, bool failed) {
    const std::lock_guard lock(mutex_);
    if (left_ < 0 || (failed && !failed_)) {
      left_ = rank;
      failed_ = failed;
    }
    all_here_.notify_all();
  }

  std::vector<Posted> posted;

 private:
  [[noreturn]] void throw_left() const {
    throw PeerLeft(failed_ ? fmt::format("rank {} failed", left_)
                           : fmt::format("rank {} returned while others wait for it", left_));
  }

  int ranks_;
  std::mutex mutex_;
  std::condition_variable all_here_;
  int arrived_ = 0;
  Index generation_ = 0;
  int left_ = -1;
  bool failed_ = false;
};

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(Group& group, int rank) : group_(group), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(group_.posted.size()); }

  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    require_packed("all_to_all sends", send.size(), sent, size());
    require_packed("all_to_all receives", recv.size(), received, size());
    return exchange({.send = send, .counts = sent, .values = {}}, [&] {
      const auto me = static_cast<std::size_t>(rank_);
      std::size_t to = 0;
      for (int s = 0; s < size(); ++s) {
        const Posted& peer = peer_of(s);
        const auto bytes = static_cast<std::size_t>(received[static_cast<std::size_t>(s)]);
        require(peer.counts[me] == static_cast<Index>(bytes),
                "all_to_all: rank {} sends {} bytes to rank {}, which expects {}", s,
                peer.counts[me], rank_, bytes);
        const auto from = static_cast<std::size_t>(total_of(peer.counts.first(me)));
        copy_bytes(peer.send.subspan(from, bytes), recv.subspan(to, bytes));
        to += bytes;
      }
    });
  }

  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    require_packed("all_gather receives", all.size(), each, size());
    return exchange({.send = mine, .counts = {}, .values = {}}, [&] {
      std::size_t to = 0;
      for (int s = 0; s < size(); ++s) {
        const Bytes part = peer_of(s).send;
        const Index expected = each[static_cast<std::size_t>(s)];
        require(static_cast<Index>(part.size()) == expected,
                "all_gather: rank {} brings {} bytes, rank {} expects {}", s, part.size(), rank_,
                expected);
        copy_bytes(part, all.subspan(to, part.size()));
        to += part.size();
      }
    });
  }

  // Sums in rank order.
  Request all_reduce_sum(View inout) override {
    std::vector<Real> sum(static_cast<std::size_t>(inout.size()), Real{0});
    Request request = exchange({.send = {}, .counts = {}, .values = inout}, [&] {
      for (int s = 0; s < size(); ++s) {
        const ConstView x = peer_of(s).values;
        require(x.rows == inout.rows && x.cols == inout.cols,
                "all_reduce_sum: rank {} has ({}, {}), rank {} has ({}, {})", s, x.rows, x.cols,
                rank_, inout.rows, inout.cols);
        Real* to = sum.data();
        for (Index i = 0; i < x.rows; ++i) {
          for (Index j = 0; j < x.cols; ++j) *to++ += x(i, j);
        }
      }
    });
    const Real* from = sum.data();
    for (Index i = 0; i < inout.rows; ++i) {
      for (Index j = 0; j < inout.cols; ++j) inout(i, j) = *from++;
    }
    return request;
  }

  Request broadcast(MutableBytes inout, int root) override {
    require(0 <= root && root < size(), "broadcast: root {} of {} ranks", root, size());
    return exchange({.send = inout, .counts = {}, .values = {}}, [&] {
      const Bytes from = peer_of(root).send;
      require(from.size() == inout.size(), "broadcast: root {} has {} bytes, rank {} expects {}",
              root, from.size(), rank_, inout.size());
      if (rank_ != root) copy_bytes(from, inout);
    });
  }

  void barrier() override { group_.meet(); }
  Communicator& host() override { return *this; }

 private:
  // Lays `mine` open, reads what the others laid open, and leaves when all have read. A rank whose
  // `read` throws stays for the second meeting too, because others may be reading its buffers.
  template <class Read>
  Request exchange(const Posted& mine, const Read& read) {
    group_.posted[static_cast<std::size_t>(rank_)] = mine;
    group_.meet();
    std::exception_ptr error;
    try {
      read();
    } catch (...) {
      error = std::current_exception();
    }
    group_.meet();
    if (error) std::rethrow_exception(error);
    return {};
  }

  const Posted& peer_of(int rank) const { return group_.posted[static_cast<std::size_t>(rank)]; }

  Group& group_;
  int rank_;
};

}  // namespace

void run_thread_ranks(int ranks, const std::function<void(Communicator&)>& body) {
  require(ranks > 0, "run_thread_ranks: {} ranks", ranks);
  Group group(ranks);
  std::vector<std::exception_ptr> own(static_cast<std::size_t>(ranks));
  std::vector<std::exception_ptr> caused_by_others(static_cast<std::size_t>(ranks));

  const auto run_rank = [&](int rank) {
    const auto r = static_cast<std::size_t>(rank);
    try {
      ThreadCommunicator comm(group, rank);
      body(comm);
    } catch (const PeerLeft&) {
      caused_by_others[r] = std::current_exception();
    } catch (...) {
      own[r] = std::current_exception();
    }
    group.leave(rank, own[r] != nullptr);
  };
  {
    std::vector<std::jthread> threads;
    for (int r = 0; r < ranks; ++r) threads.emplace_back(run_rank, r);
  }

  for (const auto* exceptions : {&own, &caused_by_others}) {
    for (const std::exception_ptr& e : *exceptions) {
      if (e) std::rethrow_exception(e);
    }
  }
}

}  // namespace chorale
