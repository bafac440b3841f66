// A decorator that proves the contract: before each verb all ranks compare verb, sequence number
// and sizes, and a mismatch is an Error that names the ranks that differ. Costs one small
// all-gather a verb.
#pragma once

#include <memory>

#include "comm/communicator.h"

namespace chorale {

std::unique_ptr<Communicator> make_checked_communicator(Communicator& inner);

}  // namespace chorale
