// AdamW: Loshchilov and Hutter 2019. Adam, with the weights shrunk by 1 - rate decay before the
// step instead of a decay inside the gradient. Takes what Adam takes, and `decay`.
#include "embedding/optimizers/adam.h"

namespace chorale {
namespace {

const OptimizerRegistration registered("adamw", [](Options& o) {
  const double decay = o.take("decay", 0.01);
  return std::make_unique<Adam>(o, decay);
});

}  // namespace
}  // namespace chorale
