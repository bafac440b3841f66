// Softmax on cosines: over shared negatives, over all items, over the rows of the batch.
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
  Var k = keys.id == positive.id ? p : normalize_rows(keys);
  Var negatives = exp_sums(u, positive_ids.rows, k, key_ids, scale, scale);
  Var score = scale * row_dots(u, p);
  Var own = std::exp(-scale) * exp(score);
  const double mean = 1.0 / static_cast<double>(positive_ids.size());
  return mean * sum(log(std::exp(scale) * (own + negatives))) + (-mean) * sum(score);
}

Var info_nce(Var a, Var b, const IdColumn& ids, double temperature) {
  return softmax_loss(a, b, ids, b, ids.rows, temperature);
}

}  // namespace chorale
