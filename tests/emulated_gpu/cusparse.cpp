// What stands in for cuSPARSE on the emulated GPU: it takes what a test lets it take, multiplies
// with Chorale's own kernels and counts.
#include "kernels/cuda/cusparse_product.h"

#include "kernels/cuda/cuda_kernels.h"
#include "tests/emulated_gpu/emulated_gpu.h"

namespace chorale::test {

GpuLibrary& gpu_library() {
  thread_local GpuLibrary mine;
  return mine;
}

}  // namespace chorale::test

namespace chorale::cuda {
namespace {

class CountedProduct final : public SparseLibrary {
 public:
  explicit CountedProduct(Queue& queue) : kernels_(queue) {}

  bool takes(const CsrView& a, Index) const override {
    return test::gpu_library().takes && a.n_ghost == 0;
  }
  void multiply(const CsrView& a, ConstView x, bool add, View y) override {
    ++test::gpu_library().products;
    add ? kernels_.spmm_add(a, x, {}, y) : kernels_.spmm(a, x, {}, y);
  }
  void forget(const void*, std::size_t) override {}

 private:
  CudaKernels kernels_;
};

}  // namespace

std::unique_ptr<SparseLibrary> make_cusparse_product(Queue& queue, CusparseAlgorithm) {
  return std::make_unique<CountedProduct>(queue);
}

}  // namespace chorale::cuda
