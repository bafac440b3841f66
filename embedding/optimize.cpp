// One optimizer step over all tables; chooses between the dense and the row-sparse form of each
// gradient.
#include "embedding/optimize.h"

#include "kernels/check.h"

namespace chorale {
namespace {

void optimize_table(const Optimizer& optimizer, Table& table, Arena& arena, Communicator& comm,
                    const Kernels& kernels, double rate, Index step) {
  Gradient& gradient = table.gradient();
  std::vector<View> state;
  for (std::size_t c = 0; c < table.state_columns().size(); ++c) state.push_back(table.state(c));
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
}

}  // namespace

void optimize(const Optimizer& optimizer, std::span<Table* const> tables, Arena& arena,
              Communicator& comm, const Kernels& kernels, double rate, Index step) {
  require(step >= 1, "optimizer steps are counted from 1, not {}", step);
  for (Table* table : tables) {
    if (table->gradient().is_empty()) continue;
    optimize_table(optimizer, *table, arena, comm, kernels, rate, step);
    table->gradient().clear();
  }
}

}  // namespace chorale
