// Adam, which is also the inside of AdamW: the two differ in the decay alone.
#pragma once

#include "embedding/optimizer.h"

namespace chorale {

class Adam final : public Optimizer {
 public:
  // Takes beta1, beta2, epsilon, l2 and tf1. decay: w *= 1 - rate decay before the step.
  // Throws Error (Exit::usage) if a beta is outside [0, 1), epsilon is not positive or
  // tf1 is neither 0 nor 1.
  Adam(Options& options, double decay);

  std::vector<StateColumn> state(Index cols) const override;
  bool moves_untouched_rows() const override { return true; }  // momentum
  void update(const Kernels& kernels, const RowUpdate& u) const override;

 private:
  double beta1_, beta2_, epsilon_, l2_, decay_;
  bool tf1_;
};

}  // namespace chorale
