// Matrix factorisation trained with BPR: Rendle et al., "BPR: Bayesian Personalized Ranking from
// Implicit Feedback", UAI 2009. The vectors are the table itself; the regulariser is on the rows of
// the batch.
#include "trainer/model.h"

namespace chorale {
namespace {

class Mf final : public Model {
 public:
  Mf(ModelContext& c, const v1::Mf& f)
      : e_(c.embeddings("mf.ego", f.dim(), f.initial())), l2_(f.l2()), l2_mean_(f.l2_mean()) {}

  Var represent(Tape& t) override { return t.leaf(e_); }

  Var loss(Tape& t, const Batch& b) override {
    Var e = t.leaf(e_);
    Var u = gather(e, b["user"]), p = gather(e, b["positive"]), n = gather(e, b["negative"]);
    const double weight = l2_mean_ ? l2_ / static_cast<double>(b["user"].size()) : l2_;
    return bpr_loss(u, p, n) + weight * (half_squares(u) + half_squares(p) + half_squares(n));
  }

 private:
  Table& e_;
  double l2_;
  bool l2_mean_;
};

const ModelRegistration<v1::Mf, Mf> registered("mf");

}  // namespace
}  // namespace chorale
