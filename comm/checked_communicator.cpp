// Every verb first gathers one record a rank: what it is about to do, in numbers. The records are
// the same on all ranks and so is the verdict, so either all throw or none.
#include "comm/checked_communicator.h"

#include <algorithm>
#include <string>
#include <vector>

#include "comm/bytes.h"
#include "comm/timed_communicator.h"
#include "kernels/check.h"

namespace chorale {
namespace {

// A record: verb, number of the call, two sizes of the verb's own, then two counts a rank.
enum Field : std::size_t { kVerb, kNumber, kFirst, kSecond, kCounts };
using Record = std::vector<Index>;

// The ranks whose value of this field differs from what most ranks (of equals, the lowest) have.
struct Dissent {
  std::vector<std::size_t> ranks;
  Index usual;
};

Dissent dissent(const std::vector<Record>& records, std::size_t field) {
  const auto votes = [&](Index value) {
    return std::count_if(records.begin(), records.end(),
                         [&](const Record& r) { return r[field] == value; });
  };
  const auto usual = std::max_element(
      records.begin(), records.end(),
      [&](const Record& a, const Record& b) { return votes(a[field]) < votes(b[field]); });
  Dissent found{.ranks = {}, .usual = (*usual)[field]};
  for (std::size_t r = 0; r < records.size(); ++r) {
    if (records[r][field] != found.usual) found.ranks.push_back(r);
  }
  return found;
}

class CheckedCommunicator final : public Communicator {
 public:
  explicit CheckedCommunicator(Communicator& inner) : inner_(inner) {
    if (&inner.host() != &inner) host_ = make_checked_communicator(inner.host());
  }

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  Communicator& host() override { return host_ ? *host_ : *this; }

  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    const auto records = announce(Verb::all_to_all, bytes(send), bytes(recv), sent, received);
    check_packed("sends", records, kFirst, 0);
    check_packed("receives", records, kSecond, ranks());
    for (std::size_t s = 0; s < ranks(); ++s) {
      for (std::size_t r = 0; r < ranks(); ++r) {
        const Index given = records[s][kCounts + r];
        const Index expected = records[r][kCounts + ranks() + s];
        require(given == expected, "{}: rank {} sends {} bytes to rank {}, which expects {}",
                call(), s, given, r, expected);
      }
    }
    return inner_.all_to_all(send, sent, recv, received);
  }

  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    const auto records = announce(Verb::all_gather, bytes(mine), bytes(all), each, {});
    check_packed("receives", records, kSecond, 0);
    for (std::size_t s = 0; s < ranks(); ++s) {
      for (std::size_t r = 0; r < ranks(); ++r) {
        require(records[s][kFirst] == records[r][kCounts + s],
                "{}: rank {} brings {} bytes, but rank {} expects {} of it", call(), s,
                records[s][kFirst], r, records[r][kCounts + s]);
      }
    }
    return inner_.all_gather(mine, all, each);
  }

  Request all_reduce_sum(View inout) override {
    const auto records = announce(Verb::all_reduce_sum, inout.rows, inout.cols, {}, {});
    check_same("rows", records, kFirst);
    check_same("columns", records, kSecond);
    return inner_.all_reduce_sum(inout);
  }

  Request broadcast(MutableBytes inout, int root) override {
    const auto records = announce(Verb::broadcast, bytes(inout), root, {}, {});
    check_same("as root", records, kSecond);
    check_same("bytes", records, kFirst);
    require(0 <= root && root < size(), "{}: root {} of {} ranks", call(), root, size());
    return inner_.broadcast(inout, root);
  }

  void barrier() override {
    announce(Verb::barrier, 0, 0, {}, {});
    inner_.barrier();
  }

 private:
  static Index bytes(Bytes buffer) { return static_cast<Index>(buffer.size()); }
  std::size_t ranks() const { return static_cast<std::size_t>(size()); }
  std::string call() const { return fmt::format("{} (call {})", name(verb_), calls_); }

  // Gathers the records of all ranks and checks that they call the same verb, for the same time.
  std::vector<Record> announce(Verb verb, Index first, Index second, Counts a, Counts b) {
    verb_ = verb;
    ++calls_;
    const std::size_t length = kCounts + 2 * ranks();
    Record mine(length, 0);
    mine[kVerb] = static_cast<Index>(verb);
    mine[kNumber] = calls_;
    mine[kFirst] = first;
    mine[kSecond] = second;
    // A list of counts of the wrong length cannot match the sizes, which the checks below report.
    std::copy_n(a.begin(), std::min(a.size(), ranks()), mine.begin() + kCounts);
    std::copy_n(b.begin(), std::min(b.size(), ranks()),
                mine.begin() + static_cast<std::ptrdiff_t>(kCounts + ranks()));

    std::vector<Index> all(length * ranks());
    const std::vector<Index> each(ranks(), static_cast<Index>(length * sizeof(Index)));
    inner_.host()
        .all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), each)
        .wait();
    std::vector<Record> records;
    for (std::size_t r = 0; r < ranks(); ++r) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(r * length);
      records.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(length));
    }
    check_verbs(records);
    return records;
  }

  void check_verbs(const std::vector<Record>& records) const {
    const Dissent verbs = dissent(records, kVerb);
    std::string who;
    for (const std::size_t r : verbs.ranks) {
      who += fmt::format("rank {} calls {}, ", r, name(static_cast<Verb>(records[r][kVerb])));
    }
    require(verbs.ranks.empty(), "collective call {}: {}the others call {}", calls_, who,
            name(static_cast<Verb>(verbs.usual)));
    check_same("calls so far", records, kNumber);
  }

  void check_same(const char* what, const std::vector<Record>& records, std::size_t field) const {
    const Dissent d = dissent(records, field);
    std::string who;
    for (const std::size_t r : d.ranks) {
      who += fmt::format("rank {} has {} {}, ", r, records[r][field], what);
    }
    require(d.ranks.empty(), "{}: {}the others have {}", call(), who, d.usual);
  }

  // Every rank's buffer is as long as its counts say.
  void check_packed(const char* what, const std::vector<Record>& records, std::size_t field,
                    std::size_t counts_at) const {
    for (std::size_t r = 0; r < ranks(); ++r) {
      const Index total = total_of(Counts(records[r]).subspan(kCounts + counts_at, ranks()));
      require(records[r][field] == total, "{}: rank {} {} {} bytes, but its counts add up to {}",
              call(), r, what, records[r][field], total);
    }
  }

  Communicator& inner_;
  std::unique_ptr<Communicator> host_;  // null if the inner communicator is its own host
  Verb verb_ = Verb::barrier;
  Index calls_ = 0;
};

}  // namespace

std::unique_ptr<Communicator> make_checked_communicator(Communicator& inner) {
  return std::make_unique<CheckedCommunicator>(inner);
}

}  // namespace chorale
