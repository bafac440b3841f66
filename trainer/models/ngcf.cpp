// NGCF: Wang et al., "Neural Graph Collaborative Filtering", SIGIR 2019, as the published code runs
// it.
//
// Layer k:  n = A e_k,  e_{k+1} = dropout(leaky(n W_gc + b_gc) + leaky((e_k o n) W_bi + b_bi))
// Final vectors: e_0 beside the row-normalised e_1 .. e_K; the next layer takes the un-normalised
// value. Deviations of that code from the paper (eqs. 7 and 8), kept: one LeakyReLU for each of the
// two terms, biases, one row-normalised matrix with self loops for both terms, normalised layer
// outputs.
#include "trainer/losses/ranking.h"
#include "trainer/model.h"
#include "trainer/models/layers.h"

namespace chorale {
namespace {

Normalization normalization(v1::Ngcf::Adjacency a) {
  switch (a) {
    case v1::Ngcf::RW_SL:
      return Normalization::rw_sl;
    case v1::Ngcf::RW_I:
      return Normalization::rw_i;
    case v1::Ngcf::RW:
      return Normalization::rw;
    case v1::Ngcf::SYM:
      return Normalization::sym;
    case v1::Ngcf::PLAIN:
      return Normalization::plain;
  }
  return Normalization::rw_sl;
}

class Ngcf final : public Model {
 public:
  Ngcf(ModelContext& c, const v1::Ngcf& f)
      : adjacency_(c.adjacency(normalization(f.adjacency()))),
        names_(c.node_names()),
        e_(c.embeddings("ngcf.ego", f.dim(), {})),
        ranking_(c, f.loss()),
        l2_(f.l2()) {
    std::vector<int> widths(f.widths().begin(), f.widths().end());
    if (widths.empty()) widths = {64, 64, 64};
    int from = f.dim();
    for (std::size_t k = 0; k < widths.size(); ++k) {
      const std::string at = "." + std::to_string(k);
      layers_.push_back(
          {c.weight("ngcf.w_gc" + at, from, widths[k]), c.weight("ngcf.b_gc" + at, 1, widths[k]),
           c.weight("ngcf.w_bi" + at, from, widths[k]), c.weight("ngcf.b_bi" + at, 1, widths[k]),
           false, f.slope(), f.message_dropout()});
      from = widths[k];
    }
  }

  Var represent(Tape& t) override { return encode(t, {}); }

  Var loss(Tape& t, const Batch& b) override {
    Var z = encode(t, ranking_.gathered_with_l2(b));
    Var decay = mean_l2(z, b, l2_);
    return decay + ranking_(z, b);
  }

 private:
  Var encode(Tape& t, std::span<const IdColumn* const> gathered) {
    return normalized_layers(adjacency_, t.leaf(e_), static_cast<int>(layers_.size()), gathered,
                             [this](int k, Var e, Var n) {
                               return bi_interaction(e, n, layers_[static_cast<std::size_t>(k)],
                                                     names_);
                             });
  }

  const DistCsr& adjacency_;
  std::span<const Index> names_;
  Table& e_;
  RankingLoss ranking_;
  std::vector<BiInteractionLayer> layers_;
  double l2_;
};

const ModelRegistration<v1::Ngcf, Ngcf> registered("ngcf");

}  // namespace
}  // namespace chorale
