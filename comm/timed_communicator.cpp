#include "comm/timed_communicator.h"

#include <chrono>

namespace chorale {
namespace {

using Clock = std::chrono::steady_clock;

// Adds the time of its life.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  double& seconds_;
  Clock::time_point start_ = Clock::now();
};

// Counts into statistics that somebody else owns, so that a communicator and its host share them.
class Counting : public Communicator {
 public:
  Counting(Communicator& inner, CommStatistics& statistics)
      : inner_(inner), statistics_(statistics) {
    if (&inner.host() != &inner) host_ = std::make_unique<Counting>(inner.host(), statistics);
  }

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  Communicator& host() override { return host_ ? *host_ : *this; }

  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    const Index to_others = bytes(send) - sent[static_cast<std::size_t>(rank())];
    return count(Verb::all_to_all, to_others,
                 [&] { return inner_.all_to_all(send, sent, recv, received); });
  }

  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    return count(Verb::all_gather, bytes(mine) * (size() - 1),
                 [&] { return inner_.all_gather(mine, all, each); });
  }

  Request all_reduce_sum(View inout) override {
    const Index whole = inout.size() * static_cast<Index>(sizeof(Real));
    return count(Verb::all_reduce_sum, 2 * whole * (size() - 1) / size(),
                 [&] { return inner_.all_reduce_sum(inout); });
  }

  Request broadcast(MutableBytes inout, int root) override {
    return count(Verb::broadcast, rank() == root ? bytes(inout) * (size() - 1) : 0,
                 [&] { return inner_.broadcast(inout, root); });
  }

  void barrier() override {
    Request none = count(Verb::barrier, 0, [&] {
      inner_.barrier();
      return Request();
    });
    none.wait();
  }

 private:
  static Index bytes(Bytes buffer) { return static_cast<Index>(buffer.size()); }

  template <class Start>
  Request count(Verb verb, Index bytes_sent, const Start& start) {
    CommStatistics::PerVerb& v = statistics_[verb];
    ++v.calls;
    v.bytes_sent += bytes_sent;
    const Stopwatch in_call(v.seconds);
    Request started = start();
    if (started.is_complete()) return {};
    // Shared, because std::function wants to be copied; there is one owner.
    auto request = std::make_shared<Request>(std::move(started));
    return Request([request = std::move(request), &v] {
      const Stopwatch in_wait(v.seconds);
      request->wait();
    });
  }

  Communicator& inner_;
  CommStatistics& statistics_;
  std::unique_ptr<Communicator> host_;  // null if the inner communicator is its own host
};

class TimedImplementation final : public TimedCommunicator {
 public:
  explicit TimedImplementation(Communicator& inner) : counting_(inner, statistics_) {}

  const CommStatistics& statistics() const override { return statistics_; }
  int rank() const override { return counting_.rank(); }
  int size() const override { return counting_.size(); }
  Communicator& host() override { return counting_.host(); }
  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    return counting_.all_to_all(send, sent, recv, received);
  }
  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    return counting_.all_gather(mine, all, each);
  }
  Request all_reduce_sum(View inout) override { return counting_.all_reduce_sum(inout); }
  Request broadcast(MutableBytes inout, int root) override {
    return counting_.broadcast(inout, root);
  }
  void barrier() override { counting_.barrier(); }

 private:
  CommStatistics statistics_;
  Counting counting_;
};

}  // namespace

std::string_view name(Verb verb) {
  switch (verb) {
    case Verb::all_to_all:
      return "all_to_all";
    case Verb::all_gather:
      return "all_gather";
    case Verb::all_reduce_sum:
      return "all_reduce_sum";
    case Verb::broadcast:
      return "broadcast";
    case Verb::barrier:
      return "barrier";
  }
  return "?";
}

std::unique_ptr<TimedCommunicator> make_timed_communicator(Communicator& inner) {
  return std::make_unique<TimedImplementation>(inner);
}

}  // namespace chorale
