// LightGCN: He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for
// Recommendation", SIGIR 2020. Final vectors are the mean of E, AE, ..., A^K E (eqs. 4 and 8) with
// the symmetric normalisation and no self loops; the regulariser is on the layer-0 rows of the
// batch (eq. 15).
//
// Options beyond the paper: layer K alone ("LightGCN-single" there), softmax losses on cosines,
// rows of E dropped in training, and scores in which an item's length counts to a chosen power.
#include "trainer/losses/ranking.h"
#include "trainer/model.h"

namespace chorale {
namespace {

class LightGcn final : public Model {
 public:
  LightGcn(ModelContext& c, const v1::LightGcn& f)
      : adjacency_(c.adjacency(Normalization::sym)),
        e_(c.embeddings("lightgcn.ego", f.dim(), initial(f))),
        names_(c.node_names()),
        users_(c.users()),
        items_(c.items()),
        ranking_(c, f.loss()),
        config_(f),
        coefficients_(coefficients(f)) {}

  Var represent(Tape& t) override {
    Var z = encode(t, {});
    if (config_.item_norm_exponent() == 1) return z;
    Var items = scale_rows_by_norm(select(z, items_), config_.item_norm_exponent());
    return spread(select(z, users_), users_) + spread(items, items_);
  }

  Var loss(Tape& t, const Batch& b) override {
    Var z = encode(t, ranking_.gathered(b));
    Var rank = ranking_(z, b);
    return config_.l2() == 0 ? rank : rank + mean_l2(t.leaf(e_), b, config_.l2());
  }

 private:
  Var encode(Tape& t, std::span<const IdColumn* const> gathered) {
    Var e = t.leaf(e_);
    if (config_.row_dropout() > 0) e = drop_rows(e, config_.row_dropout(), names_);
    return propagate(adjacency_, e, coefficients_, gathered);
  }

  static v1::Initial initial(const v1::LightGcn& f) {
    v1::Initial given = f.initial();
    if (given.kind_case() == v1::Initial::KIND_NOT_SET) given.mutable_normal();
    return given;
  }
  static std::vector<double> coefficients(const v1::LightGcn& f) {
    const auto layers = static_cast<std::size_t>(f.layers());
    std::vector<double> c(layers + 1, f.last_layer() ? 0.0 : 1.0 / (f.layers() + 1));
    if (f.last_layer()) c.back() = 1;
    return c;
  }

  const DistCsr& adjacency_;
  Table& e_;
  std::span<const Index> names_;
  const RowSubset& users_;
  const RowSubset& items_;
  RankingLoss ranking_;
  v1::LightGcn config_;
  std::vector<double> coefficients_;  // of A^0 .. A^K
};

const ModelRegistration<v1::LightGcn, LightGcn> registered("lightgcn");

}  // namespace
}  // namespace chorale
