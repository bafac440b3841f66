#include "graph/row_subset.h"

#include <numeric>

namespace chorale {

RowSubset::RowSubset(Device& device, const Partition& whole,
                     const std::function<bool(Index)>& chosen)
    : whole_(whole) {
  std::vector<Index> boundaries{0};
  for (int lane = 0; lane < whole.lanes().count; ++lane) {
    boundaries.push_back(boundaries.back());
    for (Index row = whole.lane_begin(lane); row < whole.lane_begin(lane + 1); ++row) {
      if (!chosen(row)) continue;
      ++boundaries.back();
      if (whole.owns(row)) host_rows_.push_back(static_cast<LocalIndex>(row - whole.first()));
    }
  }
  part_ = Partition(whole.lanes(), std::move(boundaries));
  std::vector<LocalIndex> order(host_rows_.size());
  std::iota(order.begin(), order.end(), LocalIndex{0});
  std::vector<Index> begin(host_rows_.size() + 1);
  std::iota(begin.begin(), begin.end(), Index{0});
  rows_ = Array<LocalIndex>(device, std::span<const LocalIndex>(host_rows_));
  order_ = Array<LocalIndex>(device, std::span<const LocalIndex>(order));
  begin_ = Array<Index>(device, std::span<const Index>(begin));
}

}  // namespace chorale
