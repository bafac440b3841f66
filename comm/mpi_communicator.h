// The communicator over MPI, for host memory: a private duplicate of MPI_COMM_WORLD.
//
// MPI counts are 32-bit, so large buffers travel in messages of at most `largest_message` bytes.
// Waiting tests and yields instead of spinning inside MPI, so more ranks than cores do not starve
// one another.
#pragma once

#include <memory>

#include "comm/communicator.h"

namespace chorale {

inline constexpr Index kLargestMessage = Index{1} << 30;

// MPI must be initialised. Collective. Errors of MPI are Errors (Exit::environment) with MPI's
// text.
std::unique_ptr<Communicator> make_mpi_communicator(Index largest_message = kLargestMessage);

}  // namespace chorale
