// Linked where kernels/cuda is not built.
#include "kernels/check.h"
#include "kernels/device.h"

namespace chorale {

std::unique_ptr<Device> make_cuda_device(const DeviceOptions&) {
  throw Error(Exit::environment, "this binary was built without CUDA",
              "use the cpu device, or build with the CUDA kernels");
}

}  // namespace chorale
