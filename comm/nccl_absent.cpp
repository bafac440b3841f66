// Linked where NCCL is not in the build.
#include "comm/nccl_communicator.h"
#include "kernels/check.h"

namespace chorale {

std::unique_ptr<Communicator> make_nccl_communicator(Device&, Communicator&, const Patience&) {
  throw Error(Exit::environment, "this binary was built without NCCL",
              "messages of GPUs can go through the host instead");
}

std::string nccl_version() { return {}; }

}  // namespace chorale
