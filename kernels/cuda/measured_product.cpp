#include "kernels/cuda/measured_product.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <limits>

#include "kernels/cuda/cuda_check.h"
#include "kernels/log.h"

namespace chorale::cuda {

bool MeasuredProduct::takes(const CsrView& a, Index cols) const {
  return library_->takes(a, cols) && choices_.by_library(SparseChoices::name(a, cols)) != false;
}

void MeasuredProduct::multiply(const CsrView& a, ConstView x, bool add, View y) {
  const std::string name = SparseChoices::name(a, y.cols);
  if (!choices_.by_library(name)) choices_.decide(name, measure(a, x, y.cols));
  if (choices_.by_library(name) == true) {
    library_->multiply(a, x, add, y);
  } else {
    add ? own_.spmm_add(a, x, {}, y) : own_.spmm(a, x, {}, y);
  }
}

// The best of some calls of each, in turn; the first of each prepares and is not counted.
bool MeasuredProduct::measure(const CsrView& a, ConstView x, Index cols) const {
  constexpr int kCalls = 6;
  void* memory = nullptr;
  check(cudaMalloc(&memory, static_cast<std::size_t>(a.rows * cols) * sizeof(Real)),
        "cudaMalloc for measuring sparse products");
  const View y(static_cast<Real*>(memory), a.rows, cols);
  double own = std::numeric_limits<double>::max(), library = own;
  for (int call = 0; call < kCalls; ++call) {
    const double by_own = clock_([&] { own_.spmm(a, x, {}, y); });
    const double by_library = clock_([&] { library_->multiply(a, x, false, y); });
    if (call == 0) continue;
    own = std::min(own, by_own);
    library = std::min(library, by_library);
  }
  check(cudaFree(memory), "cudaFree");
  log_info(
      "sparse product {} x {} of {} entries by {} columns: own {:.4f} ms, library {:.4f} ms; {} is "
      "taken",
      a.rows, a.n_own, a.entries, cols, own, library,
      library < own ? "the library" : "the own one");
  return library < own;
}

}  // namespace chorale::cuda
