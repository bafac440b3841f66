// Matrix factorisation trained with BPR: Rendle et al., "BPR: Bayesian Personalized Ranking from
// Implicit Feedback", UAI 2009. The vectors are the table itself; the regulariser is on the rows of
// the batch.
#include "trainer/losses/ranking.h"
#include "trainer/model.h"

namespace chorale {
namespace {

class Mf final : public Model {
 public:
  Mf(ModelContext& c, const v1::Mf& f)
      : e_(c.embeddings("mf.ego", f.dim(), f.initial())),
        ranking_(c, f.loss()),
        l2_(f.l2()),
        l2_mean_(f.l2_mean()) {}

  Var represent(Tape& t) override { return t.leaf(e_); }

  Var loss(Tape& t, const Batch& b) override {
    Var e = t.leaf(e_);
    Var decay = l2_mean_ ? mean_l2(e, b, l2_) : l2_ * half_squares(e, b);
    return decay + ranking_(e, b);
  }

 private:
  Table& e_;
  RankingLoss ranking_;
  double l2_;
  bool l2_mean_;
};

const ModelRegistration<v1::Mf, Mf> registered("mf");

}  // namespace
}  // namespace chorale
