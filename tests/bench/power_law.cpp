#include "tests/bench/power_law.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>

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

// f(first, last) for parts of [0, n), each on a thread of its own.
template <class F>
void in_parts(Index n, F f) {
  const auto parts = static_cast<Index>(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::jthread> threads;
  for (Index p = 0; p < parts; ++p) threads.emplace_back(f, n * p / parts, n * (p + 1) / parts);
}

}  // namespace

Graph power_law(Index users, Index items, Index edges) {
  const Index nodes = users + items;
  const std::vector<LocalIndex> name = shuffled_names(users, nodes);
  std::vector<LocalIndex> ends(static_cast<std::size_t>(2 * edges));  // user, item of each edge
  in_parts(edges, [&](Index first, Index last) {
    for (auto i = static_cast<std::size_t>(2 * first); i < static_cast<std::size_t>(2 * last);
         i += 2) {
      ends[i] = name[static_cast<std::size_t>(node(i, users, 1.6))];
      ends[i + 1] = name[static_cast<std::size_t>(users + node(i + 1, items, 1.9))];
    }
  });
  Graph g;
  g.begin.assign(static_cast<std::size_t>(nodes) + 1, 0);
  for (const LocalIndex end : ends) ++g.begin[static_cast<std::size_t>(end) + 1];
  std::partial_sum(g.begin.begin(), g.begin.end(), g.begin.begin());
  std::vector<Index> next = g.begin;
  g.columns.resize(ends.size());
  for (std::size_t at = 0; at < ends.size(); ++at) {
    const auto row = static_cast<std::size_t>(ends[at]);
    g.columns[static_cast<std::size_t>(next[row]++)] = ends[at ^ 1];
  }
  in_parts(nodes, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const auto row = static_cast<std::size_t>(i);
      std::sort(g.columns.begin() + g.begin[row], g.columns.begin() + g.begin[row + 1]);
    }
  });
  g.values.assign(g.columns.size(), Real(0.05));
  return g;
}

}  // namespace chorale
