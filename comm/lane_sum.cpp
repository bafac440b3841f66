// One recursion serves every stage: it adds the row of each right half to the row of the left half,
// in place, so the sum of a subtree ends in the row of its first leaf.
#include "comm/lane_sum.h"

#include "comm/bytes.h"
#include "kernels/check.h"

namespace chorale {
namespace {

int middle(const LaneRange& r) { return r.first + (r.last - r.first + 1) / 2; }

void collect_roots(LaneRange subtree, LaneRange mine, std::vector<LaneRange>& roots) {
  if (subtree.last <= mine.first || mine.last <= subtree.first) return;
  if (mine.first <= subtree.first && subtree.last <= mine.last) {
    roots.push_back(subtree);
    return;
  }
  const int mid = middle(subtree);
  collect_roots({subtree.first, mid}, mine, roots);
  collect_roots({mid, subtree.last}, mine, roots);
}

// Sums the subtree whose leaves are `leaves[next]`, `leaves[next + 1]`, ... into the row of its
// first leaf. A leaf is a lane, or a subtree that a rank has summed already. add(to, from): row
// `to` += row `from`.
template <class Add>
void climb(LaneRange subtree, std::span<const LaneRange> leaves, Index& next, const Add& add) {
  const LaneRange& leaf = leaves[static_cast<std::size_t>(next)];
  if (leaf.first == subtree.first && leaf.last == subtree.last) {
    ++next;
    return;
  }
  const int mid = middle(subtree);
  const Index left = next;
  climb({subtree.first, mid}, leaves, next, add);
  const Index right = next;
  climb({mid, subtree.last}, leaves, next, add);
  add(left, right);
}

// Who brings what: the roots of all ranks, in rank order and so ascending, and where a rank's
// begin.
struct Plan {
  std::vector<LaneRange> roots;
  std::vector<Index> begin;  // (ranks + 1)
};

Plan plan_of(const Lanes& lanes) {
  Plan plan{.roots = {}, .begin = {0}};
  for (int r = 0; r < lanes.ranks; ++r) {
    collect_roots({0, lanes.count}, {lanes.first(r), lanes.first(r + 1)}, plan.roots);
    plan.begin.push_back(static_cast<Index>(plan.roots.size()));
  }
  return plan;
}

std::vector<Index> bytes_of_roots(const Plan& plan, Index bytes_per_root) {
  std::vector<Index> bytes(plan.begin.size() - 1);
  for (std::size_t r = 0; r < bytes.size(); ++r) {
    bytes[r] = (plan.begin[r + 1] - plan.begin[r]) * bytes_per_root;
  }
  return bytes;
}

std::span<const LaneRange> own_roots(const Plan& plan, const Lanes& lanes) {
  const auto r = static_cast<std::size_t>(lanes.rank);
  const auto first = static_cast<std::size_t>(plan.begin[r]);
  return std::span(plan.roots).subspan(first, static_cast<std::size_t>(plan.begin[r + 1]) - first);
}

// Sums every own subtree into the row of its first lane; row l is lane lanes.begin() + l.
template <class Add>
void climb_own(std::span<const LaneRange> roots, const Lanes& lanes, const Add& add) {
  std::vector<LaneRange> leaves;
  for (int l = lanes.begin(); l < lanes.end(); ++l) leaves.push_back({l, l + 1});
  Index next = 0;
  for (const LaneRange& root : roots) climb(root, leaves, next, add);
}

template <class Add>
void climb_all(const Plan& plan, const Lanes& lanes, const Add& add) {
  Index next = 0;
  climb({0, lanes.count}, plan.roots, next, add);
}

}  // namespace

std::vector<LaneRange> lane_roots(int count, int first, int last) {
  std::vector<LaneRange> roots;
  if (first < last) collect_roots({0, count}, {first, last}, roots);
  return roots;
}

void lane_sum(Communicator& host, const Lanes& lanes, std::span<const double> partials,
              std::span<double> total) {
  const std::size_t n = total.size();
  require(partials.size() == static_cast<std::size_t>(lanes.local()) * n,
          "lane_sum: {} partial values for {} lanes of {}", partials.size(), lanes.local(), n);
  const auto adder = [n](std::vector<double>& rows) {
    return [&rows, n](Index to, Index from) {
      double* y = rows.data() + static_cast<std::size_t>(to) * n;
      const double* x = rows.data() + static_cast<std::size_t>(from) * n;
      for (std::size_t i = 0; i < n; ++i) y[i] += x[i];
    };
  };
  const Plan plan = plan_of(lanes);
  const auto roots = own_roots(plan, lanes);

  std::vector<double> own(partials.begin(), partials.end());
  climb_own(roots, lanes, adder(own));
  std::vector<double> mine;
  for (const LaneRange& root : roots) {
    const auto row = own.begin() + static_cast<std::ptrdiff_t>(n) * (root.first - lanes.begin());
    mine.insert(mine.end(), row, row + static_cast<std::ptrdiff_t>(n));
  }
  std::vector<double> all(plan.roots.size() * n);
  host.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)),
                  bytes_of_roots(plan, static_cast<Index>(n * sizeof(double))))
      .wait();
  climb_all(plan, lanes, adder(all));
  std::copy_n(all.begin(), n, total.begin());
}

void lane_sum(Communicator& comm, const Lanes& lanes, Arena& arena, View partials, View total) {
  require(partials.rows == lanes.local() && total.rows == 1 && partials.cols == total.cols,
          "lane_sum: partials ({}, {}) of {} lanes into ({}, {})", partials.rows, partials.cols,
          lanes.local(), total.rows, total.cols);
  const Kernels& k = arena.device().kernels();
  if (lanes.vendor_sums) {
    k.copy(partials, total);
    comm.all_reduce_sum(total).wait();
    return;
  }
  const Index n = total.cols;
  const auto row_of = [](View rows, Index i) { return rows.row_block(i, i + 1); };
  const auto adder = [&](View rows) {
    return [&k, &row_of, rows](Index to, Index from) {
      k.axpy(1, row_of(rows, from), row_of(rows, to));
    };
  };
  const Plan plan = plan_of(lanes);
  const auto roots = own_roots(plan, lanes);
  climb_own(roots, lanes, adder(partials));
  if (lanes.ranks == 1) {
    k.copy(row_of(partials, 0), total);
    return;
  }

  const View mine = arena.take_view(static_cast<Index>(roots.size()), n);
  for (std::size_t i = 0; i < roots.size(); ++i) {
    k.copy(row_of(partials, roots[i].first - lanes.begin()), row_of(mine, static_cast<Index>(i)));
  }
  const View all = arena.take_view(static_cast<Index>(plan.roots.size()), n);
  comm.all_gather(std::as_bytes(std::span(mine.data, static_cast<std::size_t>(mine.size()))),
                  std::as_writable_bytes(std::span(all.data, static_cast<std::size_t>(all.size()))),
                  bytes_of_roots(plan, n * static_cast<Index>(sizeof(Real))))
      .wait();
  climb_all(plan, lanes, adder(all));
  k.copy(row_of(all, 0), total);
  arena.give_back(all);
  arena.give_back(mine);
}

}  // namespace chorale
