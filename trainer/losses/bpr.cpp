// BPR: softplus of the score difference, averaged over the batch.
#include "kernels/check.h"
#include "trainer/losses/losses.h"

namespace chorale {

Var bpr_loss(Var user, Var positive, Var negative) {
  require(user.part() == positive.part() && user.part() == negative.part() &&
              user.cols() == positive.cols() && user.cols() == negative.cols(),
          "bpr_loss: users, positives and negatives must be rows of one batch, of one width");
  Tape& t = *user.tape;
  const Partition& batch = user.part();
  const Real mean = static_cast<Real>(1.0 / static_cast<double>(batch.rows()));
  Var y = t.output_partial();
  const View slope = t.arena().take_view(user.rows(), 1);
  t.kernels().bpr(user.value(), positive.value(), negative.value(), batch.lane_offsets(), slope,
                  y.out());
  t.kernels().scale(mean, y.out());
  t.on_backward(y, {user, positive, negative}, [=, &t] {
    const View upstream = t.arena().take_view(1, 1);
    const ConstView dy[] = {y.grad()};
    t.kernels().sum_of(mean, dy, upstream);
    t.kernels().bpr_grad(upstream, slope, user.value(), positive.value(), negative.value(),
                         user.grad(), positive.grad(), negative.grad());
  });
  return y;
}

}  // namespace chorale
