// Work that may fail on one rank alone, made to fail on all of them.
#pragma once

#include <functional>

#include "comm/communicator.h"

namespace chorale {

// Runs `work`, which must not communicate. If it threw on any rank, every rank throws Error with
// the code, message and hint of the lowest such rank; with several ranks the message names it:
// "rank 2: ...". Collective.
void together(Communicator& host, const std::function<void()>& work);

}  // namespace chorale
