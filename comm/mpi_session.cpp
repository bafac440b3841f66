#include "comm/mpi_session.h"

#include <mpi.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "comm/mpi_check.h"
#include "comm/mpi_communicator.h"
#include "kernels/check.h"

namespace chorale {
namespace {

// The number in an environment variable, or 0.
int number(const char* text) {
  int value = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), value);
  return value;
}

}  // namespace

int announced_tasks(const std::function<const char*(const char*)>& variable) {
  // Open MPI's own launcher knows best: inside a Slurm job it may start fewer ranks than Slurm has
  // tasks.
  if (const int tasks = number(variable("OMPI_COMM_WORLD_SIZE")); tasks > 0) return tasks;
  if (const int tasks = number(variable("PMI_SIZE")); tasks > 0) return tasks;
  // Slurm leaves its variables to everything inside an allocation; a process number marks a task.
  if (variable("SLURM_PROCID") == nullptr) return 1;
  const int tasks = number(variable("SLURM_STEP_NUM_TASKS"));
  return tasks > 0 ? tasks : 1;
}

MpiSession::MpiSession(int& argc, char**& argv) {
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const int announced = announced_tasks([](const char* name) { return std::getenv(name); });
  if (size == 1 && announced > 1) {
    MPI_Finalize();
    throw Error(
        Exit::environment,
        fmt::format("the launcher started {} tasks, but MPI sees one rank in each", announced),
        "start with the mpirun of the MPI that chorale was built with; under Slurm: srun "
        "--mpi=pmix");
  }
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  MPI_Comm host = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host),
            "MPI_Comm_split_type");
  check_mpi(MPI_Comm_size(host, &local_ranks_), "MPI_Comm_size");
  check_mpi(MPI_Comm_rank(host, &local_rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_free(&host), "MPI_Comm_free");
}

MpiSession::~MpiSession() { MPI_Finalize(); }

std::unique_ptr<Communicator> MpiSession::world() { return make_mpi_communicator(patience_); }

int MpiSession::local_ranks() const { return local_ranks_; }

int MpiSession::local_rank() const { return local_rank_; }

void MpiSession::abort(int exit_code) {
  spdlog::apply_all([](const std::shared_ptr<spdlog::logger>& logger) { logger->flush(); });
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace chorale
