#include "graph/neighbours.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "comm/typed.h"
#include "kernels/array.h"
#include "kernels/check.h"
#include "kernels/plan_device.h"

namespace chorale {
namespace {

// Elements of a block of rows whose lists are made, and of a block they are compared with.
constexpr Index kOwnBlock = Index{1} << 22;
constexpr Index kOtherBlock = Index{1} << 18;

Index rows_of_block(Index elements, Index cols, Index rows) {
  return std::clamp<Index>(elements / std::max<Index>(cols, 1), 1, std::max<Index>(rows, 1));
}

// A block of rows of unit length in device memory.
class UnitRows {
 public:
  UnitRows(Device& device, Index rows, Index cols)
      : device_(device),
        cols_(cols),
        staged_(static_cast<std::size_t>(rows * cols)),
        raw_(device, rows * cols),
        unit_(device, rows * cols),
        inverse_(device, rows) {}

  // The features of ids[0], ids[1], ...
  ConstView load(const Features& features, std::span<const Index> ids) {
    Real* to = staged_.data();
    for (const Index id : ids) {
      to = std::copy_n(features.row(id).begin(), cols_, to);
    }
    const auto n = static_cast<Index>(ids.size());
    raw_.upload(std::span<const Real>(staged_).first(static_cast<std::size_t>(n * cols_)));
    const View unit(unit_.data(), n, cols_);
    device_.kernels().normalize_rows({raw_.data(), n, cols_}, unit, {inverse_.data(), n, 1});
    return unit;
  }

 private:
  Device& device_;
  Index cols_;
  std::vector<Real> staged_;
  Array<Real> raw_, unit_, inverse_;
};

// The neighbours of the rows with these ids, as ids; -1 where there are fewer than k.
void search(Device& device, const Features& features, std::span<const Index> own, Index k,
            ConstView own_rows, UnitRows& others, Index others_at_once, std::vector<Index>& found) {
  const auto n = static_cast<Index>(own.size());
  const auto places = static_cast<std::size_t>(n * k);
  const std::vector<Real> lowest(places, -std::numeric_limits<Real>::infinity());
  const Array<Real> scores(device, std::span<const Real>(lowest));
  found.assign(places, -1);
  const Array<Index> best(device, std::span<const Index>(found));
  const std::vector<Index> nothing(own.size() + 1, 0);
  const Array<Index> none_masked(device, std::span<const Index>(nothing));
  Array<Index> block_ids(device, others_at_once);
  std::vector<Index> ids;
  for (Index first = 0; first < features.rows; first += others_at_once) {
    ids.clear();
    for (Index i = first; i < std::min(first + others_at_once, features.rows); ++i) {
      ids.push_back(i);
    }
    const ConstView block = others.load(features, ids);
    block_ids.upload(std::span<const Index>(ids));
    device.kernels().update_top_k(own_rows, block, block_ids.data(), {none_masked.data(), nullptr},
                                  {n, k, scores.data(), best.data()});
  }
  found = best.download();
  const std::vector<Real> cosines = scores.download();
  for (std::size_t p = 0; p < places; ++p) {
    const auto row = static_cast<std::size_t>(static_cast<Index>(p) / k);
    require_user(!std::isnan(cosines[p]), Exit::data,
                 "replace what is missing by a mean or by zeros",
                 "features: a number of row {} or of row {} is not finite", own[row], found[p]);
    if (!(cosines[p] > 0)) found[p] = -1;
    if (static_cast<Index>(p) % k == 0 && found[p] < 0) found[p] = own[row];
  }
}

}  // namespace

std::span<const LocalIndex> NeighbourLists::of(Index row) const {
  const auto list =
      std::span(rows).subspan(static_cast<std::size_t>(row * k), static_cast<std::size_t>(k));
  return list.first(
      static_cast<std::size_t>(std::find(list.begin(), list.end(), -1) - list.begin()));
}

namespace {

NeighbourLists lists_of(Device& device, Communicator& comm, const Partition& part,
                        std::span<const Index> ids, const Features& features, Index k) {
  const Index n = part.rows();
  require(features.rows == n && static_cast<Index>(ids.size()) == n && k >= 1,
          "neighbours: {} rows, {} ids, {} vectors of {} columns, k {}", n, ids.size(),
          features.rows, features.cols, k);
  std::vector<LocalIndex> row_of(static_cast<std::size_t>(n));
  for (Index r = 0; r < n; ++r) {
    row_of[static_cast<std::size_t>(ids[static_cast<std::size_t>(r)])] = static_cast<LocalIndex>(r);
  }
  const Index at_once = rows_of_block(kOwnBlock, features.cols, part.local_rows());
  const Index others_at_once = rows_of_block(kOtherBlock, features.cols, n);
  UnitRows own(device, at_once, features.cols), others(device, others_at_once, features.cols);
  std::vector<LocalIndex> mine;
  std::vector<Index> found;
  for (Index first = part.first(); first < part.last(); first += at_once) {
    const Index last = std::min(first + at_once, part.last());
    const auto block =
        ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
    search(device, features, block, k, own.load(features, block), others, others_at_once, found);
    for (const Index id : found) {
      mine.push_back(id < 0 ? LocalIndex{-1} : row_of[static_cast<std::size_t>(id)]);
    }
  }
  return {k, gather_all<LocalIndex>(comm.host(), mine)};
}

// Row r's neighbours are r, r + 1, r + 3, r + 7, ...: as differences of these are all different,
// two rows have hardly more than one of them in common, and the graph of rows that do is as large
// as any.
NeighbourLists spread_lists(Index n, Index k) {
  std::vector<Index> steps;
  for (Index step = 0; static_cast<Index>(steps.size()) < std::min(k, n); step = 2 * step + 1) {
    step %= n;
    while (std::ranges::find(steps, step) != steps.end()) step = (step + 1) % n;
    steps.push_back(step);
  }
  NeighbourLists lists{k, std::vector<LocalIndex>(static_cast<std::size_t>(n * k), -1)};
  for (Index row = 0; row < n; ++row) {
    auto place = lists.rows.begin() + row * k;
    for (const Index step : steps) *place++ = static_cast<LocalIndex>((row + step) % n);
  }
  return lists;
}

}  // namespace

NeighbourLists cosine_neighbours(Device& device, Communicator& comm, const Partition& part,
                                 std::span<const Index> ids, const Features& features, Index k) {
  NeighbourLists lists = lists_of(device, comm, part, ids, features, k);
  const std::optional<PlanKind> plan = plan_kind(device);
  if (!plan) return lists;
  if (*plan == PlanKind::quick) return spread_lists(part.rows(), k);
  return lists_of(*make_device({}), comm, part, ids, features, k);
}

}  // namespace chorale
