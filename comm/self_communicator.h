// One rank, alone: every verb is a copy.
#pragma once

#include <memory>

#include "comm/communicator.h"

namespace chorale {

std::unique_ptr<Communicator> make_self_communicator();

}  // namespace chorale
