// The communicator over MPI, for host memory: a private duplicate of MPI_COMM_WORLD.
//
// MPI counts are 32-bit, so large buffers travel in messages of at most `largest_message` bytes.
// Waiting tests and yields instead of spinning inside MPI, so more ranks than cores do not starve
// one another. A rank that waits long says for whom (mpi_roll_call.h).
#pragma once

#include <memory>

#include "comm/communicator.h"
#include "comm/patience.h"

namespace chorale {

inline constexpr Index kLargestMessage = Index{1} << 30;

// MPI must be initialised; `patience` outlives the communicator. Collective. Errors of MPI are
// Errors (Exit::environment) with MPI's text; so is the end of patience (Exit::peer_lost), after
// which the communicator is of no more use.
std::unique_ptr<Communicator> make_mpi_communicator(const Patience& patience,
                                                    Index largest_message = kLargestMessage);

}  // namespace chorale
