#include "comm/mpi_check.h"

#include <string>

#include "kernels/check.h"

namespace chorale {

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::string text(MPI_MAX_ERROR_STRING, '\0');
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) length = 0;
  text.resize(static_cast<std::size_t>(length));
  throw Error(Exit::environment, fmt::format("{}: {}", call, text.empty() ? "unknown error" : text),
              "see the log of the rank that failed first; check the network and the MPI library");
}

}  // namespace chorale
