// Softmax over shared negatives or over all items, on cosines.
#include <cmath>

#include "kernels/check.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale {

// Exponents are lowered by 1 / temperature, the largest that a cosine can reach, and the
// logarithm's argument is raised again: log(e^{1/T} (e^{s+ - 1/T} + S)) - s+, where S is the sum
// over keys.
Var softmax_loss(Var user, Var positive, const IdColumn& positive_ids, Var keys,
                 std::span<const Index> key_ids, double temperature) {
  require(user.part() == positive.part() && user.part() == positive_ids.part,
          "softmax_loss: users and positives must be rows of one batch");
  const double scale = 1.0 / temperature;
  Var u = normalize_rows(user), p = normalize_rows(positive);
  Var negatives = exp_sums(u, positive_ids.rows, normalize_rows(keys), key_ids, scale, scale);
  Var score = scale * row_dots(u, p);
  Var own = std::exp(-scale) * exp(score);
  const double mean = 1.0 / static_cast<double>(positive_ids.size());
  return mean * sum(log(std::exp(scale) * (own + negatives))) + (-mean) * sum(score);
}

}  // namespace chorale
