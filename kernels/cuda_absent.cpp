// Linked where kernels/cuda is not built.
#include "kernels/check.h"
#include "kernels/device.h"

namespace chorale {

std::unique_ptr<Device> make_cuda_device(const DeviceOptions&) {
  throw Error(
      Exit::environment, "this binary was built without CUDA",
      "compute on the CPU (device: CPU, or --device CPU), or build where a CUDA toolkit is");
}

int count_gpus() { return 0; }

std::string gpu_address(int) { return {}; }

void wake_gpu(int) noexcept {}

}  // namespace chorale
