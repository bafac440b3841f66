// Stochastic gradient descent: w -= rate (g + l2 w).
#include "embedding/optimizer.h"

namespace chorale {
namespace {

class Sgd final : public Optimizer {
 public:
  explicit Sgd(Options& options) : l2_(options.take("l2", 0)) {}

  std::vector<StateColumn> state(Index) const override { return {}; }
  bool moves_untouched_rows() const override { return l2_ != 0; }  // they shrink

  void update(const Kernels& kernels, const RowUpdate& u) const override {
    UpdateOptions o;
    o.rate = static_cast<Real>(u.rate);
    o.l2 = static_cast<Real>(l2_);
    kernels.sgd(o, u.gradient, u.rows, u.values);
  }

 private:
  double l2_;
};

const OptimizerRegistration registered("sgd", [](Options& o) { return std::make_unique<Sgd>(o); });

}  // namespace
}  // namespace chorale
