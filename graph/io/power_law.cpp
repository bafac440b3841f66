// Every number is a draw named by (seed, what it is for, user, attempt), and the arithmetic is
// exact or correctly rounded (square roots, no powers), so equal options give equal bytes on any
// machine.
#include "graph/io/power_law.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "graph/io/text.h"
#include "kernels/check.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/random.h"

namespace chorale {
namespace {

constexpr Index kUsersAtOnce = 1 << 14;  // that a thread draws
constexpr Index kMostOfMean = 64;        // no user has more than so many times the mean
constexpr Index kTestShare = 5;          // one item in so many, of test users

enum class Draw : std::uint64_t { degree = 33, item };

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

void check(const PowerLawOptions& o) {
  const auto need = [](const char* option, Index found, Index least, Index most, const char* hint) {
    require_user(least <= found && found <= most, Exit::usage, hint,
                 "power law: --{}: found {}, expected {} to {}", option, found, least, most);
  };
  const char* range = "choose a number in this range";
  need("users", o.users, 1, kLargestId - 1, range);
  need("items", o.items, 8, kLargestId - 1, range);
  need("interactions", o.interactions, 4 * o.users, o.items / 4 * o.users,
       "a user has at least 4 items on average, and at most a quarter of them");
  need("test-users", o.test_users, 0, kLargestId - 1, range);
  need("lanes", o.lanes, 1, kMostLanes, range);
}

class Source {
 public:
  explicit Source(const PowerLawOptions& o)
      : o_(o),
        mean_(static_cast<double>(o.interactions) / static_cast<double>(o.users)),
        most_(std::min(static_cast<Index>(mean_ * static_cast<double>(kMostOfMean)), o.items / 2)),
        stride_(coprime_near(static_cast<Index>(static_cast<double>(o.items) * 0.6180339887498949),
                             o.items)) {}

  bool is_tested(Index user) const {
    const Index tested = std::min(o_.test_users, o_.users);
    // Spread evenly: tested and users are below 2^31.
    return (user + 1) * tested / o_.users > user * tested / o_.users;
  }

  // Distinct items in the order in which they were drawn.
  void items_of(Index user, std::vector<std::int32_t>& items) const {
    items.clear();
    const Index n = degree_of(user);
    const auto add = [&](Index rank) {
      const auto item = static_cast<std::int32_t>(rank * stride_ % o_.items);
      if (std::ranges::find(items, item) == items.end()) items.push_back(item);
    };
    for (Index attempt = 0; std::ssize(items) < n && attempt < 10 * n; ++attempt) {
      const RandomBits b = bits(Draw::item, user, attempt);
      add(rank_of(uniform(b.word[0], b.word[1])));
      if (std::ssize(items) < n) add(rank_of(uniform(b.word[2], b.word[3])));
    }
    // The most popular items fill what chance left open.
    for (Index rank = 0; std::ssize(items) < n; ++rank) add(rank);
  }

 private:
  RandomBits bits(Draw what, Index user, Index attempt) const {
    const std::uint64_t step =
        (static_cast<std::uint64_t>(what) << 48) | static_cast<std::uint64_t>(user);
    return random_bits({Purpose::generate, o_.seed}, step, static_cast<std::uint64_t>(attempt));
  }

  // Pareto of exponent 1.6: the least over u^(5/8). Its mean, cut off at 64 times that of all, is
  // 2.59 times the least.
  Index degree_of(Index user) const {
    const RandomBits b = bits(Draw::degree, user, 0);
    const double root = std::sqrt(1.0 - uniform(b.word[0], b.word[1]));  // (0, 1]
    const double degree = mean_ / 2.59 / (root * std::sqrt(std::sqrt(root))) + 0.5;
    return std::clamp<Index>(static_cast<Index>(std::min(degree, 1e9)), 2, most_);
  }

  // u^(5/2) of the items: P(rank < r) = (r / items)^0.4.
  Index rank_of(double u) const {
    const double share = u * u * std::sqrt(u);
    return std::min(static_cast<Index>(share * static_cast<double>(o_.items)), o_.items - 1);
  }

  static Index coprime_near(Index from, Index n) {
    while (std::gcd(from, n) != 1) ++from;
    return from;
  }

  const PowerLawOptions& o_;
  double mean_;
  Index most_;
  Index
      stride_;  // item of rank r: r stride mod items. The golden ratio spreads popular ones evenly
};

struct Drawn {
  IdLists train, test;
};

Drawn draw_users(const Source& source, Index first, Index last) {
  Drawn drawn;
  std::vector<std::int32_t> items;
  const auto append = [](IdLists& lists, auto begin, auto end) {
    std::sort(begin, end);
    lists.values.insert(lists.values.end(), begin, end);
    lists.begin.push_back(lists.size());
  };
  for (Index user = first; user < last; ++user) {
    source.items_of(user, items);
    const Index held =
        source.is_tested(user) ? std::max<Index>(1, std::ssize(items) / kTestShare) : 0;
    append(drawn.test, items.begin(), items.begin() + held);
    append(drawn.train, items.begin() + held, items.end());
  }
  return drawn;
}

// Appends the rows of another, whose memory goes.
void append(IdLists& lists, IdLists&& more) {
  const Index before = lists.size();
  lists.values.insert(lists.values.end(), more.values.begin(), more.values.end());
  for (std::size_t i = 1; i < more.begin.size(); ++i) lists.begin.push_back(before + more.begin[i]);
  more = {};
}

Splits draw_all(const PowerLawOptions& o, ThreadPool& pool) {
  const Source source(o);
  const Index runs = (o.users + kUsersAtOnce - 1) / kUsersAtOnce;
  std::vector<Drawn> drawn(at(runs));
  pool.parallel_for(runs, 1, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const Index first = r * kUsersAtOnce;
      drawn[at(r)] = draw_users(source, first, std::min(first + kUsersAtOnce, o.users));
    }
  });
  Index size = 0;
  for (const Drawn& d : drawn) size += d.train.size();
  Splits splits;
  splits.train.values.reserve(at(size));
  splits.train.begin.reserve(at(o.users) + 1);
  for (Drawn& d : drawn) {
    append(splits.train, std::move(d.train));
    append(splits.test, std::move(d.test));
  }
  splits.validation.begin.assign(at(o.users) + 1, 0);
  return splits;
}

// A run of ids for each lane, by descending degree, ties by id.
std::vector<std::vector<Index>> runs_by_degree(const IdLists& lists, int lanes, ThreadPool& pool) {
  std::vector<std::vector<Index>> runs(at(lanes));
  pool.parallel_for(lanes, 1, [&](Index begin, Index end) {
    for (Index lane = begin; lane < end; ++lane) {
      const Index first = lists.rows() * lane / lanes, last = lists.rows() * (lane + 1) / lanes;
      std::vector<Index>& run = runs[at(lane)];
      run.resize(at(last - first));
      std::iota(run.begin(), run.end(), first);
      std::ranges::stable_sort(run, std::greater<>(), [&](Index i) { return lists.degree(i); });
    }
  });
  return runs;
}

std::vector<std::string> numbers(Index n) {
  std::vector<std::string> names(at(n));
  for (Index i = 0; i < n; ++i) names[at(i)] = std::to_string(i);
  return names;
}

}  // namespace

PrepareReport write_power_law(const PowerLawOptions& o, const std::filesystem::path& out) {
  check(o);
  Staging staging(resolved_out(out), o.force);
  DatasetContents contents;
  {
    ThreadPool pool(o.threads);
    contents.splits = draw_all(o, pool);
    contents.by_item = transposed(contents.splits.train, o.items, o.threads);
    contents.order = LaneOrder{runs_by_degree(contents.splits.train, o.lanes, pool),
                               runs_by_degree(*contents.by_item, o.lanes, pool),
                               std::vector<std::vector<Index>>(at(o.lanes))};
  }
  contents.user_names = numbers(o.users);
  contents.item_names = numbers(o.items);
  Manifest told;
  told.lanes = o.lanes;
  told.format = "power-law";
  told.seed = o.seed;
  return publish(staging, contents, std::move(told), o.threads);
}

}  // namespace chorale
