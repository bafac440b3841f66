// AdaGrad: s += g^2; w -= rate g / (sqrt(s) + epsilon), g including l2 w. The rate is divided by
// the root of all squared gradients so far, element by element. Duchi, Hazan and Singer 2011.
#include "embedding/optimizer.h"
#include "kernels/check.h"

namespace chorale {
namespace {

class Adagrad final : public Optimizer {
 public:
  explicit Adagrad(Options& options)
      : epsilon_(options.take("epsilon", 1e-10)),
        initial_(options.take("initial", 0)),
        l2_(options.take("l2", 0)) {
    require_user(static_cast<Real>(epsilon_) > 0 && initial_ >= 0, Exit::usage,
                 "epsilon keeps rows without a gradient from dividing by zero",
                 "adagrad: epsilon is {} and initial is {}, expected epsilon > 0 and initial >= 0",
                 epsilon_, initial_);
  }

  std::vector<StateColumn> state(Index cols) const override {
    return {{"squares", cols, static_cast<Real>(initial_)}};
  }
  // An untouched row has g = 0: neither s nor w changes. With l2 its g is l2 w.
  bool moves_untouched_rows() const override { return l2_ != 0; }

  void update(const Kernels& kernels, const RowUpdate& u) const override {
    UpdateOptions o;
    o.rate = static_cast<Real>(u.rate);
    o.epsilon = static_cast<Real>(epsilon_);
    o.l2 = static_cast<Real>(l2_);
    kernels.adagrad(o, u.gradient, u.rows, u.values, u.state[0]);
  }

 private:
  double epsilon_, initial_, l2_;
};

const OptimizerRegistration registered("adagrad",
                                       [](Options& o) { return std::make_unique<Adagrad>(o); });

}  // namespace
}  // namespace chorale
