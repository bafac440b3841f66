// The communicator that goes with kernels/plan_device.h: device verbs do nothing, because the
// memory is not there; `host()` is real, so ids and counts are exchanged as in a real run.
#pragma once

#include <memory>

#include "comm/communicator.h"

namespace chorale {

std::unique_ptr<Communicator> make_plan_communicator(Communicator& host);

}  // namespace chorale
