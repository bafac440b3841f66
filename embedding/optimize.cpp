// One optimizer step over all tables; chooses between the dense and the row-sparse form of each
// gradient.
#include "embedding/optimize.h"

#include "kernels/check.h"

namespace chorale {
namespace {

void optimize_table(const Optimizer& optimizer, const Trained& trained, Arena& arena,
                    Communicator& comm, const Kernels& kernels, double rate, Index step) {
  Table& table = *trained.table;
  Gradient& gradient = table.gradient();
  std::vector<View> state;
  const std::size_t columns = optimizer.state(table.cols()).size();
  for (std::size_t c = 0; c < columns; ++c) state.push_back(table.state(trained.first_state + c));
  require(table.tier() == nullptr || gradient.is_sparse(),
          "table {}: rows in host memory, and a gradient that is not row-sparse", table.name());
  RowUpdate update{table.values(), {}, {}, state, rate, step};
  if (gradient.is_sparse() && !optimizer.moves_untouched_rows()) {
    const SparsePart part = gradient.reduce_sparse(arena, table.cols());
    if (part.rows.empty()) return;  // to a kernel an empty list means all rows
    update.gradient = part.values;
    update.rows = part.rows;
  } else {
    update.gradient = gradient.reduce_dense(arena, comm, table.partition().lanes(),
                                            table.local_rows(), table.cols());
  }
  optimizer.update(kernels, update);
  if (table.tier() != nullptr) table.tier()->write_back();
}

}  // namespace

void optimize(const Optimizer& optimizer, std::span<const Trained> tables, Arena& arena,
              Communicator& comm, const Kernels& kernels, double rate, Index step) {
  require(step >= 1, "optimizer steps are counted from 1, not {}", step);
  for (const Trained& trained : tables) {
    if (trained.table->gradient().is_empty()) continue;
    optimize_table(optimizer, trained, arena, comm, kernels, rate, step);
    trained.table->gradient().clear();
  }
}

}  // namespace chorale
