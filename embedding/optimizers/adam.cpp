// Adam: Kingma and Ba 2015. m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2, g including
// l2 w;
//   Torch form            w -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
//   tf1: TensorFlow 1     w -= rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)
// Dense: rows without a gradient move too. (A lazy Adam would be another algorithm, in another
// file.)
#include "embedding/optimizers/adam.h"

#include "kernels/check.h"

namespace chorale {

Adam::Adam(Options& options, double decay)
    : beta1_(options.take("beta1", 0.9)),
      beta2_(options.take("beta2", 0.999)),
      epsilon_(options.take("epsilon", 1e-8)),
      l2_(options.take("l2", 0)),
      decay_(decay) {
  const double tf1 = options.take("tf1", 0);
  for (const double beta : {beta1_, beta2_}) {
    require_user(0 <= beta && beta < 1, Exit::usage, "betas are in [0, 1)",
                 "adam: beta1 is {} and beta2 is {}", beta1_, beta2_);
  }
  require_user(static_cast<Real>(epsilon_) > 0, Exit::usage,
               "it keeps rows without a gradient from dividing by zero",
               "adam: epsilon is {}, expected more than 0", epsilon_);
  require_user(tf1 == 0 || tf1 == 1, Exit::usage, "1 puts epsilon outside the bias correction",
               "adam: tf1 is {}, expected 0 or 1", tf1);
  tf1_ = tf1 == 1;
}

std::vector<StateColumn> Adam::state(Index cols) const { return {{"m", cols, 0}, {"v", cols, 0}}; }

void Adam::update(const Kernels& kernels, const RowUpdate& u) const {
  require(u.rows.empty(), "adam updates all rows, {} were named", u.rows.size());
  UpdateOptions o;
  o.rate = static_cast<Real>(u.rate);
  o.step = u.step;
  o.epsilon = static_cast<Real>(epsilon_);
  o.beta1 = static_cast<Real>(beta1_);
  o.beta2 = static_cast<Real>(beta2_);
  o.l2 = static_cast<Real>(l2_);
  o.decay = static_cast<Real>(decay_);
  o.tf1 = tf1_;
  kernels.adam(o, u.gradient, u.values, u.state[0], u.state[1]);
}

namespace {

const OptimizerRegistration registered("adam",
                                       [](Options& o) { return std::make_unique<Adam>(o, 0.0); });

}  // namespace
}  // namespace chorale
