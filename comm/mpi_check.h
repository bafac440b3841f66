// Status codes of MPI as exceptions.
#pragma once

#include <mpi.h>

namespace chorale {

// Throws Error (Exit::environment) with MPI's text if `code` is not MPI_SUCCESS.
void check_mpi(int code, const char* call);

}  // namespace chorale
