// The verbs for the memory of GPUs by NCCL: one GPU a rank, no GPU shared.
//
// Messages travel on a stream of their own: behind the work that the device's stream had when the
// verb was called, beside what is enqueued later, and before what is enqueued after `wait`. The
// host waits in the constructor, in `barrier` and nowhere else.
#pragma once

#include <memory>
#include <string>

#include "comm/communicator.h"
#include "comm/patience.h"
#include "kernels/device.h"

namespace chorale {

// `device` is this rank's own GPU and the current one of the calling thread; both must outlive the
// result, and `host` becomes its host(). Opens the connections to all ranks. Throws Error with host
// and rank: Exit::peer_lost where NCCL blames another rank or the network, Exit::environment
// otherwise. An error ends what is under way, and so does a message that takes longer than there is
// patience (nccl_ranks.h): the communicator is of no more use then. Collective.
std::unique_ptr<Communicator> make_nccl_communicator(Device& device, Communicator& host,
                                                     const Patience& patience = {});

// "2.28.9"; empty if this build has no NCCL.
std::string nccl_version();

}  // namespace chorale
