#include "tests/bench/power_law.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/random.h"

namespace chorale {
namespace {

constexpr RandomKey kKey{Purpose::test, 7};

// The node of the i-th draw among n; `skew` says how steeply degrees fall.
LocalIndex node(std::uint64_t i, Index n, double skew) {
  const double u = random_uniform(kKey, 100, i);
  const auto most = static_cast<double>(n);
  return static_cast<LocalIndex>(std::min(most - 1, most * std::pow(u, skew)));
}

// A data set's nodes are not sorted by degree: their names are shuffled.
std::vector<LocalIndex> shuffled_names(Index users, Index nodes) {
  std::vector<LocalIndex> name(static_cast<std::size_t>(nodes));
  std::iota(name.begin(), name.end(), 0);
  const auto shuffle = [&](Index first, Index last) {
    for (Index i = last - 1; i > first; --i) {
      const auto bits = random_bits(kKey, 101, static_cast<std::uint64_t>(i));
      const auto j =
          static_cast<Index>(random_below(bits, static_cast<std::uint64_t>(i - first + 1)));
      std::swap(name[static_cast<std::size_t>(i)], name[static_cast<std::size_t>(first + j)]);
    }
  };
  shuffle(0, users);
  shuffle(users, nodes);
  return name;
}

}  // namespace

Graph power_law(Index users, Index items, Index edges) {
  const Index nodes = users + items;
  const std::vector<LocalIndex> name = shuffled_names(users, nodes);
  std::vector<LocalIndex> ends;  // of edge e: its user at 2e, its item behind
  ends.reserve(static_cast<std::size_t>(2 * edges));
  Graph g;
  g.begin.assign(static_cast<std::size_t>(nodes) + 1, 0);
  for (Index e = 0; e < edges; ++e) {
    const auto i = static_cast<std::uint64_t>(2 * e);
    const LocalIndex user = node(i, users, 1.6);
    const auto item = static_cast<LocalIndex>(users + node(i + 1, items, 1.9));
    for (const LocalIndex end : {user, item}) {
      ends.push_back(name[static_cast<std::size_t>(end)]);
      ++g.begin[static_cast<std::size_t>(ends.back()) + 1];
    }
  }
  std::partial_sum(g.begin.begin(), g.begin.end(), g.begin.begin());
  std::vector<Index> next = g.begin;
  g.columns.resize(ends.size());
  for (std::size_t at = 0; at < ends.size(); ++at) {
    const auto row = static_cast<std::size_t>(ends[at]);
    g.columns[static_cast<std::size_t>(next[row]++)] = ends[at ^ 1];
  }
  for (Index i = 0; i < nodes; ++i) {
    const auto row = static_cast<std::size_t>(i);
    std::sort(g.columns.begin() + g.begin[row], g.columns.begin() + g.begin[row + 1]);
  }
  g.values.assign(g.columns.size(), Real(0.05));
  return g;
}

}  // namespace chorale
