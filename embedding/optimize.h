// One optimizer step over all tables: reduce each gradient, update, forget the gradient.
#pragma once

#include <span>

#include "comm/communicator.h"
#include "embedding/optimizer.h"
#include "embedding/table.h"
#include "kernels/arena.h"

namespace chorale {

// A table and where in it this optimizer's state begins (Table::allocate_state).
struct Trained {
  Table* table;
  std::size_t first_state = 0;
};

// A table without a gradient this step is left alone, its state too. Collective.
void optimize(const Optimizer& optimizer, std::span<const Trained> tables, Arena& arena,
              Communicator& comm, const Kernels& kernels, double rate, Index step);

}  // namespace chorale
