// AdaGrad with one number a row: s += mean_j g_j^2; w -= rate g / (sqrt(s) + epsilon), g including
// l2 w. The state of a table of width 64 is 64 times smaller; the "exact row-wise AdaGrad" of DLRM
// and FBGEMM.
#include "embedding/optimizer.h"
#include "kernels/check.h"

namespace chorale {
namespace {

class RowwiseAdagrad final : public Optimizer {
 public:
  explicit RowwiseAdagrad(Options& options)
      : epsilon_(options.take("epsilon", 1e-10)),
        initial_(options.take("initial", 0)),
        l2_(options.take("l2", 0)) {
    require_user(
        static_cast<Real>(epsilon_) > 0 && initial_ >= 0, Exit::usage,
        "epsilon keeps rows without a gradient from dividing by zero",
        "rowwise_adagrad: epsilon is {} and initial is {}, expected epsilon > 0 and initial >= 0",
        epsilon_, initial_);
  }

  std::vector<StateColumn> state(Index) const override {
    return {{"squares", 1, static_cast<Real>(initial_)}};
  }
  bool moves_untouched_rows() const override { return l2_ != 0; }

  void update(const Kernels& kernels, const RowUpdate& u) const override {
    UpdateOptions o;
    o.rate = static_cast<Real>(u.rate);
    o.epsilon = static_cast<Real>(epsilon_);
    o.l2 = static_cast<Real>(l2_);
    kernels.rowwise_adagrad(o, u.gradient, u.rows, u.values, u.state[0]);
  }

 private:
  double epsilon_, initial_, l2_;
};

const OptimizerRegistration registered("rowwise_adagrad", [](Options& o) {
  return std::make_unique<RowwiseAdagrad>(o);
});

}  // namespace
}  // namespace chorale
