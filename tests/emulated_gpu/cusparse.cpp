// There is no cuSPARSE on the emulated GPU: nothing is multiplied by it.
#include "kernels/check.h"
#include "kernels/cuda/cusparse_product.h"

namespace chorale::cuda {
namespace {

class NoProduct final : public SparseLibrary {
 public:
  bool takes(const CsrView&, Index) const override { return false; }
  void multiply(const CsrView&, ConstView, bool, View) override {
    throw Error(Exit::internal, "the emulated GPU has no cuSPARSE");
  }
  void forget(const void*, std::size_t) override {}
};

}  // namespace

std::unique_ptr<SparseLibrary> make_cusparse_product(Queue&, CusparseAlgorithm) {
  return std::make_unique<NoProduct>();
}

}  // namespace chorale::cuda
