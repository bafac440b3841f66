// Memory and initial values of tables. Rows are filled in blocks, so the host never holds a second
// copy.
#include "embedding/table.h"

#include <algorithm>

#include "kernels/check.h"
#include "kernels/cpu/thread_pool.h"

namespace chorale {
namespace {

constexpr Index kValuesAtOnce = Index{1}
                                << 20;  // so that the host needs no second copy of the table

// values[i] = initial(node(i), .), a block of rows at a time.
template <class NodeOf>
void fill_values(Device& device, View values, const NodeOf& node, const Initializer& initial,
                 int threads) {
  const Index d = values.cols;
  const Index block = std::max<Index>(1, kValuesAtOnce / std::max<Index>(1, d));
  std::vector<Real> host(static_cast<std::size_t>(std::min(block, values.rows) * d));
  ThreadPool pool(threads);
  for (Index first = 0; first < values.rows; first += block) {
    const Index count = std::min(block, values.rows - first);
    pool.parallel_for(count, 64, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        for (Index j = 0; j < d; ++j) {
          host[static_cast<std::size_t>(i * d + j)] = initial(node(first + i), j);
        }
      }
    });
    device.upload(values.row(first), host.data(),
                  static_cast<std::size_t>(count * d) * sizeof(Real));
  }
}

}  // namespace

Table::Table(Device& device, std::string name, const Partition& partition, Index cols,
             std::span<const Index> nodes, const Initializer& initial, int threads)
    : device_(device),
      name_(std::move(name)),
      layout_(Layout::rows),
      partition_(partition),
      rows_(partition.rows()),
      cols_(cols),
      values_(device, partition.local_rows() * cols) {
  require(static_cast<Index>(nodes.size()) == partition.local_rows(),
          "table {}: {} nodes for {} local rows", name_, nodes.size(), partition.local_rows());
  fill_values(
      device, values(), [nodes](Index i) { return nodes[static_cast<std::size_t>(i)]; }, initial,
      threads);
}

Table::Table(Device& device, std::string name, const Lanes& lanes, Index rows, Index cols,
             const Initializer& initial)
    : device_(device),
      name_(std::move(name)),
      layout_(Layout::replicated),
      partition_(Partition::uniform(rows, lanes)),
      rows_(rows),
      cols_(cols),
      values_(device, rows * cols) {
  fill_values(
      device, values(), [](Index i) { return i; }, initial, 1);
}

std::size_t Table::allocate_state(const std::vector<StateColumn>& columns,
                                  const std::string& owner) {
  const std::size_t first = state_.size();
  for (StateColumn c : columns) {
    if (!owner.empty()) c.name = owner + "." + c.name;
    require(c.width == cols_ || c.width == 1, "table {}: state {} is {} wide, the table {}", name_,
            c.name, c.width, cols_);
    require(std::ranges::find(state_columns_, c.name, &StateColumn::name) == state_columns_.end(),
            "table {}: state {} is already there", name_, c.name);
    state_columns_.push_back(c);
    state_.emplace_back(device_, local_rows() * c.width);
    device_.kernels().fill(c.initial, state(state_.size() - 1));
  }
  return first;
}

View Table::state(std::size_t column) const {
  require(column < state_.size(), "table {}: state column {} of {}", name_, column, state_.size());
  return {state_[column].data(), local_rows(), state_columns_[column].width};
}

}  // namespace chorale
