// One rank, alone: every verb is a copy.
#pragma once

#include <memory>

#include "comm/communicator.h"
#include "kernels/device.h"

namespace chorale {

std::unique_ptr<Communicator> make_self_communicator();

// For the memory of this device; both must outlive the result, whose host() is `host`.
std::unique_ptr<Communicator> make_self_communicator(Device& device, Communicator& host);

}  // namespace chorale
