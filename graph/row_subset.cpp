#include "graph/row_subset.h"

#include <numeric>

#include "kernels/check.h"

namespace chorale {

RowSubset::RowSubset(Device& device, const Partition& whole, const Partition& part,
                     const std::function<bool(Index)>& chosen)
    : whole_(whole), part_(part) {
  for (Index row = whole.first(); row < whole.last(); ++row) {
    if (chosen(row)) host_rows_.push_back(static_cast<LocalIndex>(row - whole.first()));
  }
  require(static_cast<Index>(host_rows_.size()) == part.local_rows(),
          "row subset: {} rows chosen, {} promised", host_rows_.size(), part.local_rows());
  std::vector<LocalIndex> order(host_rows_.size());
  std::iota(order.begin(), order.end(), LocalIndex{0});
  std::vector<Index> begin(host_rows_.size() + 1);
  std::iota(begin.begin(), begin.end(), Index{0});
  rows_ = Array<LocalIndex>(device, std::span<const LocalIndex>(host_rows_));
  order_ = Array<LocalIndex>(device, std::span<const LocalIndex>(order));
  begin_ = Array<Index>(device, std::span<const Index>(begin));
}

std::vector<Index> RowSubset::global_rows() const {
  std::vector<Index> rows;
  for (const LocalIndex row : host_rows_) rows.push_back(whole_.first() + row);
  return rows;
}

}  // namespace chorale
