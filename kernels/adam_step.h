// The numbers of one Adam step that are the same for all elements, shared by the backends:
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  w -= rate m / (root sqrt(v) +
//   epsilon)
// Torch form: epsilon is added after the bias correction of sqrt(v); TensorFlow 1 form: before it.
#pragma once

#include <cmath>

#include "kernels/kernels.h"

namespace chorale {

struct AdamStep {
  Real rate;  // with its bias corrections
  Real root;  // what sqrt(v) is multiplied by
};

inline AdamStep adam_step(const UpdateOptions& o) {
  const double step = static_cast<double>(o.step);
  const double first = 1 - std::pow(static_cast<double>(o.beta1), step);
  const double second = std::sqrt(1 - std::pow(static_cast<double>(o.beta2), step));
  const double rate = static_cast<double>(o.rate) / first;
  if (o.tf1) return {static_cast<Real>(rate * second), Real(1)};
  return {static_cast<Real>(rate), static_cast<Real>(1 / second)};
}

}  // namespace chorale
