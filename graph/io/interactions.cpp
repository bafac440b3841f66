// Grouping by counting sort; every result is independent of the order of the source's pairs.
#include "graph/io/interactions.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "graph/io/text.h"
#include "kernels/check.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/random.h"

namespace chorale {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Number of values in both of two ascending lists.
Index common(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  Index n = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    n += a[i] == b[j] ? 1 : 0;
    const bool step_a = a[i] <= b[j], step_b = b[j] <= a[i];
    i += step_a ? 1 : 0;
    j += step_b ? 1 : 0;
  }
  return n;
}

Index common(const IdLists& a, const IdLists& b) {
  Index n = 0;
  for (Index u = 0; u < a.rows(); ++u) n += common(a[u], b[u]);
  return n;
}

// The items of one user in the order in which they would be held out.
std::vector<std::int32_t> by_draw(std::span<const std::int32_t> items, Index user,
                                  std::uint64_t seed) {
  std::vector<std::pair<std::uint64_t, std::int32_t>> keyed;
  keyed.reserve(items.size());
  for (const std::int32_t item : items) {
    const RandomBits b = random_bits({Purpose::split, seed}, static_cast<std::uint64_t>(user),
                                     static_cast<std::uint64_t>(item));
    keyed.emplace_back((static_cast<std::uint64_t>(b.word[0]) << 32) | b.word[1], item);
  }
  std::sort(keyed.begin(), keyed.end());
  std::vector<std::int32_t> order;
  order.reserve(keyed.size());
  for (const auto& [key, item] : keyed) order.push_back(item);
  return order;
}

void append_sorted(IdLists& lists, std::vector<std::int32_t> row) {
  std::sort(row.begin(), row.end());
  lists.values.insert(lists.values.end(), row.begin(), row.end());
  lists.begin.push_back(lists.size());
}

}  // namespace

Grouped group_by_user(const InteractionList& pairs, Index users, Index items) {
  require(pairs.users.size() == pairs.items.size(), "pairs: {} users, {} items", pairs.users.size(),
          pairs.items.size());
  std::vector<Index> next(at(users) + 1, 0);
  for (std::size_t i = 0; i < pairs.users.size(); ++i) {
    const Index u = pairs.users[i], item = pairs.items[i];
    require(u >= 0 && u < users && item >= 0 && item < items, "pair ({}, {}) outside {} x {}", u,
            item, users, items);
    ++next[at(u) + 1];
  }
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<std::int32_t> rows(pairs.items.size());
  std::vector<Index> ends(next.begin(), next.end() - 1);
  for (std::size_t i = 0; i < pairs.users.size(); ++i) {
    rows[at(ends[at(pairs.users[i])]++)] = static_cast<std::int32_t>(pairs.items[i]);
  }
  Grouped result;
  result.lists.begin.reserve(at(users) + 1);
  result.lists.values.reserve(rows.size());
  for (Index u = 0; u < users; ++u) {
    const auto first = rows.begin() + next[at(u)];
    const auto last = rows.begin() + next[at(u) + 1];
    std::sort(first, last);
    result.lists.values.insert(result.lists.values.end(), first, std::unique(first, last));
    result.lists.begin.push_back(result.lists.size());
  }
  result.duplicates = static_cast<Index>(rows.size()) - result.lists.size();
  return result;
}

// A thread reads all lists and looks after a range of columns, so a column's rows come in order.
IdLists transposed(const IdLists& lists, Index columns, int threads) {
  ThreadPool pool(threads);
  const Index parts = pool.threads();
  IdLists result;
  result.begin.assign(at(columns) + 1, 0);
  result.values.resize(lists.values.size());
  pool.parallel_parts(pool.threads(), [&](int p) {
    const Index first = columns * p / parts, last = columns * (p + 1) / parts;
    for (const std::int32_t c : lists.values) {
      if (first <= c && c < last) ++result.begin[at(c) + 1];
    }
  });
  std::partial_sum(result.begin.begin(), result.begin.end(), result.begin.begin());
  const auto column_at = [&](Index p) {  // ranges of about as many values each
    if (p == parts) return columns;
    return std::ranges::lower_bound(result.begin, lists.size() * p / parts) - result.begin.begin();
  };
  pool.parallel_parts(pool.threads(), [&](int p) {
    const Index first = column_at(p), last = std::max(first, column_at(p + 1));
    std::vector<Index> next(result.begin.begin() + first, result.begin.begin() + last);
    for (Index row = 0; row < lists.rows(); ++row) {
      for (const std::int32_t c : lists[row]) {
        if (c < first || c >= last) continue;
        result.values[at(next[at(c - first)]++)] = static_cast<std::int32_t>(row);
      }
    }
  });
  return result;
}

HoldOut hold_out(const IdLists& lists, double share, std::uint64_t seed) {
  HoldOut result;
  for (Index user = 0; user < lists.rows(); ++user) {
    const std::vector<std::int32_t> order = by_draw(lists[user], user, seed);
    const auto n = static_cast<Index>(order.size());
    Index held = 0;
    if (n >= 2) {
      const auto rounded = static_cast<Index>(std::round(share * static_cast<double>(n)));
      held = std::clamp<Index>(rounded, 1, n - 1);
    }
    result.too_few += n == 1 ? 1 : 0;
    append_sorted(result.held, {order.begin(), order.begin() + held});
    append_sorted(result.kept, {order.begin() + held, order.end()});
  }
  return result;
}

std::vector<ReportLine> survey(const Splits& s, Index items) {
  std::vector<ReportLine> lines;
  report_if(lines, "interactions in train and test, never hits because training items are masked",
            common(s.train, s.test));
  report_if(lines,
            "interactions in train and validation, never hits because training items are masked",
            common(s.train, s.validation));
  report_if(lines, "interactions in validation and test", common(s.validation, s.test));

  Index idle = 0, untrained = 0, untested = 0;
  for (Index u = 0; u < s.train.rows(); ++u) {
    const Index held = s.validation.degree(u) + s.test.degree(u);
    if (s.train.degree(u) == 0) ++(held == 0 ? idle : untrained);
    untested += s.test.degree(u) == 0 ? 1 : 0;
  }
  report_if(lines, "users without any interaction", idle);
  report_if(lines, "users with test or validation items only", untrained);
  report_if(lines, "users without a test item, left out of test averages", untested);

  std::vector<char> trained(at(items), 0), seen(at(items), 0);
  for (const std::int32_t i : s.train.values) trained[at(i)] = seen[at(i)] = 1;
  for (const std::int32_t i : s.validation.values) seen[at(i)] = 1;
  for (const std::int32_t i : s.test.values) seen[at(i)] = 1;
  const auto missing = [&](const std::vector<char>& marks) {
    return static_cast<Index>(std::count(marks.begin(), marks.end(), 0));
  };
  report_if(lines, "items without any interaction", missing(seen));
  report_if(lines, "items with test or validation interactions only",
            missing(trained) - missing(seen));
  return lines;
}

}  // namespace chorale
