// Everything learnable is a Table: embedding tables (rows over a partition) and dense weights
// (replicated) alike. Optimizer state is extra named columns of the same rows, so sharding,
// checkpointing and export know one type.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embedding/gradient.h"
#include "embedding/host_tier.h"
#include "embedding/initializers.h"
#include "embedding/optimizer.h"
#include "graph/partition.h"
#include "kernels/array.h"

namespace chorale {

class Table {
 public:
  // An embedding table: this rank's rows of a (partition.rows(), cols) matrix. `nodes` names each
  // local row independently of ranks and lanes; initial values are keyed by it, and `threads` of
  // the host compute them. With a tier its rows are in host memory.
  Table(Device& device, std::string name, const Partition& partition, Index cols,
        std::span<const Index> nodes, const Initializer& initial, int threads = 1,
        std::unique_ptr<HostTier> tier = nullptr);
  // A dense weight (rows, cols), held whole by every rank.
  Table(Device& device, std::string name, const Lanes& lanes, Index rows, Index cols,
        const Initializer& initial);

  const std::string& name() const { return name_; }  // public and stable: "lightgcn.ego"
  Layout layout() const { return layout_; }
  const Partition& partition() const {
    return partition_;
  }                                     // of replicated tables: only lanes() is used
  Index rows() const { return rows_; }  // of the whole table
  Index local_rows() const { return layout_ == Layout::rows ? partition_.local_rows() : rows_; }
  Index cols() const { return cols_; }
  // What is in device memory: the local rows or, with a host tier, its places.
  View values() const { return {values_.data(), device_rows(), cols_}; }

  // Adds the state of one more optimizer, filled with each column's initial value; `owner` goes
  // before the names if it is not empty: "transr.m". Returns the number of its first column.
  std::size_t allocate_state(const std::vector<StateColumn>& columns,
                             const std::string& owner = "");
  const std::vector<StateColumn>& state_columns() const { return state_columns_; }
  View state(std::size_t column) const;  // as `values`

  Gradient& gradient() { return gradient_; }

  // The values of all local rows, for kernels to read before the next step; in host memory if they
  // have a tier there.
  View whole() const { return tier_ ? tier_->whole(0) : values(); }
  // Columns are counted with the values as column 0, then state. Local rows [first, last) of one,
  // from or to the host.
  Index width(std::size_t column) const { return this->column(column).cols; }
  void read(std::size_t column, Index first, Index last, Real* to) const;
  void write(std::size_t column, Index first, Index last, const Real* from);

  // A step begins: there is no gradient, and with a host tier no row has a place.
  void begin_step();
  HostTier* tier() const { return tier_.get(); }  // or null
  // Of the rows of this rank, those that the device does not hold: bytes of values and state.
  std::size_t bytes_off_device() const;

 private:
  Index device_rows() const { return tier_ ? tier_->places() : local_rows(); }
  View column(std::size_t c) const { return c == 0 ? values() : state(c - 1); }
  template <class NodeOf>
  void fill(const NodeOf& node, const Initializer& initial, int threads);

  Device& device_;
  std::string name_;
  Layout layout_;
  Partition partition_;
  Index rows_;
  Index cols_;
  std::unique_ptr<HostTier> tier_;
  Array<Real> values_;
  std::vector<StateColumn> state_columns_;
  std::vector<Array<Real>> state_;
  Gradient gradient_;
};

}  // namespace chorale
