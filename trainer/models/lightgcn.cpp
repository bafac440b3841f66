// LightGCN: He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for
// Recommendation", SIGIR 2020. Final vectors are the mean of E, AE, ..., A^K E (eqs. 4 and 8) with
// the symmetric normalisation and no self loops; the regulariser is on the layer-0 rows of the
// batch (eq. 15).
#include "trainer/model.h"

namespace chorale {
namespace {

class LightGcn final : public Model {
 public:
  LightGcn(ModelContext& c, const v1::LightGcn& f)
      : adjacency_(c.adjacency(Normalization::sym)),
        e_(c.embeddings("lightgcn.ego", f.dim(), initial(f))),
        mean_(static_cast<std::size_t>(f.layers()) + 1, 1.0 / (f.layers() + 1)),
        l2_(f.l2()) {}

  Var represent(Tape& t) override { return propagate(adjacency_, t.leaf(e_), mean_); }

  Var loss(Tape& t, const Batch& b) override {
    Var z = represent(t), e = t.leaf(e_);
    Var rank = bpr_loss(gather(z, b["user"]), gather(z, b["positive"]), gather(z, b["negative"]));
    Var decay = half_squares(gather(e, b["user"])) + half_squares(gather(e, b["positive"])) +
                half_squares(gather(e, b["negative"]));
    return rank + (l2_ / static_cast<double>(b["user"].size())) * decay;
  }

 private:
  static v1::Initial initial(const v1::LightGcn& f) {
    v1::Initial given = f.initial();
    if (given.kind_case() == v1::Initial::KIND_NOT_SET) given.mutable_normal();
    return given;
  }

  const DistCsr& adjacency_;
  Table& e_;
  std::vector<double> mean_;  // the coefficients 1 / (K + 1)
  double l2_;
};

const ModelRegistration<v1::LightGcn, LightGcn> registered("lightgcn");

}  // namespace
}  // namespace chorale
