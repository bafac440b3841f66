// MPI as an object: initialised by the constructor, finalised by the destructor.
#pragma once

#include <functional>
#include <memory>

#include "comm/communicator.h"
#include "comm/patience.h"

namespace chorale {

// How many tasks the launcher's variables (Open MPI, Slurm, PMI) announce; 1 if they say nothing.
// `variable` is std::getenv, or a test's own.
int announced_tasks(const std::function<const char*(const char*)>& variable);

class MpiSession {
 public:
  // The main thread alone may call MPI. An exception must be caught while the session lives, for
  // the destructor waits for all ranks: report it and call `abort`. Throws Error
  // (Exit::environment) when a launcher announced several tasks but MPI sees one rank: each process
  // would then train alone and overwrite the others' files.
  MpiSession(int& argc, char**& argv);
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();

  std::unique_ptr<Communicator> world();      // collective; to be destroyed before the session
  Patience& patience() { return patience_; }  // of the world's ranks with one another
  int local_ranks() const;                    // how many ranks share this host's memory
  int local_rank() const;                     // this rank's place among them
  // Ends every rank of the job with this exit code. For errors that only one rank can see.
  [[noreturn]] static void abort(int exit_code);

 private:
  int local_ranks_ = 1;
  int local_rank_ = 0;
  Patience patience_;
};

}  // namespace chorale
