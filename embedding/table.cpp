// Memory and initial values of tables. Rows are filled in blocks, so the host never holds a second
// copy.
#include "embedding/table.h"

#include <algorithm>

#include "kernels/check.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/plan_device.h"

namespace chorale {
namespace {

constexpr Index kValuesAtOnce = Index{1}
                                << 20;  // so that the host needs no second copy of the table

}  // namespace

// values[i] = initial(node(i), .), a block of rows at a time.
template <class NodeOf>
void Table::fill(const NodeOf& node, const Initializer& initial, int threads) {
  if (plan_kind(device_)) return;  // it would not keep them, and drawing takes a while
  const Index block = std::max<Index>(1, kValuesAtOnce / std::max<Index>(1, cols_));
  std::vector<Real> host(static_cast<std::size_t>(std::min(block, local_rows()) * cols_));
  ThreadPool pool(threads);
  for (Index first = 0; first < local_rows(); first += block) {
    const Index count = std::min(block, local_rows() - first);
    pool.parallel_for(count, 64, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        for (Index j = 0; j < cols_; ++j) {
          host[static_cast<std::size_t>(i * cols_ + j)] = initial(node(first + i), j);
        }
      }
    });
    write(0, first, first + count, host.data());
  }
}

Table::Table(Device& device, std::string name, const Partition& partition, Index cols,
             std::span<const Index> nodes, const Initializer& initial, int threads,
             std::unique_ptr<HostTier> tier)
    : device_(device),
      name_(std::move(name)),
      layout_(Layout::rows),
      partition_(partition),
      rows_(partition.rows()),
      cols_(cols),
      tier_(std::move(tier)),
      values_(device, device_rows() * cols) {
  require(static_cast<Index>(nodes.size()) == partition.local_rows(),
          "table {}: {} nodes for {} local rows", name_, nodes.size(), partition.local_rows());
  if (tier_) tier_->add_column(values(), 0);
  fill([nodes](Index i) { return nodes[static_cast<std::size_t>(i)]; }, initial, threads);
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
  fill([](Index i) { return i; }, initial, 1);
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
    state_.emplace_back(device_, device_rows() * c.width);
    const View on_device = state(state_.size() - 1);
    if (tier_) {
      tier_->add_column(on_device, c.initial);
    } else {
      device_.kernels().fill(c.initial, on_device);
    }
  }
  return first;
}

View Table::state(std::size_t column) const {
  require(column < state_.size(), "table {}: state column {} of {}", name_, column, state_.size());
  return {state_[column].data(), device_rows(), state_columns_[column].width};
}

void Table::read(std::size_t column, Index first, Index last, Real* to) const {
  if (tier_) return tier_->read(column, first, last, to);
  const View rows = this->column(column).row_block(first, last);
  if (rows.size() > 0) {
    device_.download(to, rows.data, static_cast<std::size_t>(rows.size()) * sizeof(Real));
  }
}

void Table::write(std::size_t column, Index first, Index last, const Real* from) {
  if (tier_) return tier_->write(column, first, last, from);
  const View rows = this->column(column).row_block(first, last);
  device_.upload(rows.data, from, static_cast<std::size_t>(rows.size()) * sizeof(Real));
}

void Table::begin_step() {
  gradient_.clear();
  if (tier_) tier_->begin_step();
}

std::size_t Table::bytes_off_device() const {
  Index numbers = cols_;
  for (const StateColumn& c : state_columns_) numbers += c.width;
  return static_cast<std::size_t>((local_rows() - device_rows()) * numbers) * sizeof(Real);
}

}  // namespace chorale
