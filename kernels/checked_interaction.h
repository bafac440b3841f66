// The part of CheckedKernels that watches layers of bi-interaction; see checked_kernels.h.
#pragma once

#include "kernels/checked_sparse.h"

namespace chorale {

class CheckedInteraction : public CheckedSparse {
 public:
  void bi_interaction(const BiInteraction& layer, ConstView e, ConstView n, std::uint8_t* bits,
                      View y) const override;
  void bi_interaction_grad(const BiInteraction& layer, ConstView e, ConstView n,
                           const std::uint8_t* bits, ConstView dy, LaneOffsets lanes, bool add,
                           View de, View dn, const BiInteractionWeights& dw) const override;

 protected:
  explicit CheckedInteraction(const Kernels& inner) : CheckedSparse(inner) {}
};

}  // namespace chorale
