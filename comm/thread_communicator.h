// Ranks as threads of one process: for tests, debuggers and sanitizers. Same contract as MPI.
#pragma once

#include <functional>

#include "comm/communicator.h"

namespace chorale {

// Runs `body` on `ranks` threads, each with its own communicator of one group, and returns when all
// have returned. An exception of any rank is rethrown here (the lowest rank's first) after the
// others, which find their next collective broken, have unwound.
void run_thread_ranks(int ranks, const std::function<void(Communicator&)>& body);

}  // namespace chorale
