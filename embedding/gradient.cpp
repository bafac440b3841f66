// Merging the forms of a gradient. The order of summation is the header's; scatter-adds have
// distinct rows.
#include "embedding/gradient.h"

#include <algorithm>
#include <iterator>

#include "comm/lane_sum.h"
#include "kernels/check.h"

namespace chorale {
namespace {

View zeros(Arena& arena, Index rows, Index cols) {
  const View v = arena.take_view(rows, cols);
  arena.device().kernels().fill(0, v);
  return v;
}

// x[rows[i]] += y[i] for distinct rows. A step of gradient descent at rate -1 is that sum, exactly:
// x - (-1) y rounds once.
void add_rows(const Kernels& kernels, ConstView y, Rows rows, View x) {
  if (rows.empty()) return;  // to a kernel an empty list means all rows
  UpdateOptions add;
  add.rate = -1;
  kernels.sgd(add, y, rows, x);
}

Rows upload(Arena& arena, const std::vector<LocalIndex>& host) {
  const std::size_t bytes = host.size() * sizeof(LocalIndex);
  auto* data = static_cast<LocalIndex*>(arena.take(bytes));
  if (bytes > 0) arena.device().upload(data, host.data(), bytes);
  return {data, host.size()};
}

// wanted[i]'s place in `all`; both ascending, `all` holds every wanted row.
std::vector<LocalIndex> places(std::span<const LocalIndex> wanted,
                               const std::vector<LocalIndex>& all) {
  std::vector<LocalIndex> result(wanted.size());
  auto at = all.begin();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    at = std::lower_bound(at, all.end(), wanted[i]);
    result[i] = static_cast<LocalIndex>(at - all.begin());
  }
  return result;
}

}  // namespace

void Gradient::clear() {
  dense_ = {};
  stack_ = {};
  parts_.clear();
}

View Gradient::dense(Arena& arena, Index rows, Index cols) {
  if (dense_.data == nullptr) dense_ = zeros(arena, rows, cols);
  require(dense_.rows == rows && dense_.cols == cols,
          "a gradient of ({}, {}) asked for as ({}, {})", dense_.rows, dense_.cols, rows, cols);
  return dense_;
}

View Gradient::lanes(Arena& arena, int local_lanes, Index size) {
  if (stack_.data == nullptr) stack_ = zeros(arena, local_lanes, size);
  require(stack_.rows == local_lanes && stack_.cols == size,
          "{} lanes of {} numbers asked of a stack of {} with {}", local_lanes, size, stack_.rows,
          stack_.cols);
  return stack_;
}

ConstView Gradient::reduce_dense(Arena& arena, Communicator& comm, const Lanes& lanes, Index rows,
                                 Index cols) {
  const Kernels& kernels = arena.device().kernels();
  if (stack_.data != nullptr) {
    require(parts_.empty(), "a gradient has lane contributions and row-sparse parts");
    const View total = arena.take_view(1, rows * cols);
    lane_sum(comm, lanes, arena, stack_, total);
    const View sum(total.data, rows, cols);
    if (dense_.data != nullptr) kernels.axpy(1, dense_, sum);
    return sum;
  }
  const View sum = dense(arena, rows, cols);
  for (const SparsePart& part : parts_) add_rows(kernels, part.values, part.rows, sum);
  return sum;
}

SparsePart Gradient::reduce_sparse(Arena& arena, Index cols) {
  require(is_sparse(), "reduce_sparse of a gradient that is not row-sparse");
  if (parts_.size() == 1) return parts_.front();

  std::vector<LocalIndex> before;
  merged_.clear();
  for (const SparsePart& part : parts_) {
    before.swap(merged_);
    merged_.clear();
    std::ranges::set_union(before, part.host_rows, std::back_inserter(merged_));
  }
  const View sums = zeros(arena, static_cast<Index>(merged_.size()), cols);
  for (const SparsePart& part : parts_) {
    add_rows(arena.device().kernels(), part.values, upload(arena, places(part.host_rows, merged_)),
             sums);
  }
  return {upload(arena, merged_), sums, merged_};
}

}  // namespace chorale
