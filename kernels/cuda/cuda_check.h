// What becomes of the error codes of CUDA.
#pragma once

#include "kernels/check.h"

namespace chorale::cuda {

// Throws Error (Exit::environment) with host and reason unless `code`, a cudaError_t, is success.
void check(int code, const char* what);

}  // namespace chorale::cuda
