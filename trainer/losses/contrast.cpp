// InfoNCE over all rows of two views.
#include <cmath>

#include "kernels/check.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale {

Var synergistic_contrast(Var a, Var b, double temperature) {
  require(a.part() == b.part() && a.cols() == b.cols(), "contrast: two views of the same rows");
  const double scale = 1.0 / temperature;
  Var x = normalize_rows(a), y = normalize_rows(b);
  // Exponents are lowered by 1 / temperature, the largest there is; the logarithm takes it back.
  Var sums = exp_self_sums(x, scale, scale) + exp_sums(x, y, scale, scale);
  const double mean = 1.0 / static_cast<double>(a.part().rows());
  return mean * sum(log(std::exp(scale) * sums)) + (-mean * scale) * sum(row_dots(x, y));
}

}  // namespace chorale
