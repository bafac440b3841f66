// The five verbs for buffers in a device's memory, carried over a communicator of host memory: what
// is sent is downloaded, what arrives is uploaded. It serves every device, also where several ranks
// share one; each verb costs the host a wait for the device.
#pragma once

#include <memory>

#include "comm/communicator.h"
#include "kernels/device.h"

namespace chorale {

// Both must outlive the result and its requests. `host` becomes the result's host().
std::unique_ptr<Communicator> make_staged_communicator(Device& device, Communicator& host);

}  // namespace chorale
