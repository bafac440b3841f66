// The communicator over all ranks of an MPI test.
#pragma once

#include "comm/communicator.h"

namespace chorale {
Communicator& mpi_world();
}
