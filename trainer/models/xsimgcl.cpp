// XSimGCL: Yu et al., "XSimGCL: Towards Extremely Simple Graph Contrastive Learning for
// Recommendation", TKDE 2023, arXiv 2209.02544.
//
// SimGCL in one pass. The mean z of layers 1 .. K, each with noise added (simgcl.cpp), is ranked;
// and z is contrasted with layer l* of the same pass (eq. 8), in the batch: InfoNCE over its users
// and over its positives. Scores have no noise.
//
// Kept from the authors' code, and deviations: as in simgcl.cpp. l* = 0, the embeddings themselves,
// is allowed there and here.
#include "trainer/losses/ranking.h"
#include "trainer/model.h"
#include "trainer/models/layers.h"

namespace chorale {
namespace {

class XSimGcl final : public Model {
 public:
  XSimGcl(ModelContext& c, const v1::XSimGcl& f)
      : adjacency_(c.adjacency(Normalization::sym)),
        e_(c.embeddings("xsimgcl.ego", f.dim(), f.initial())),
        names_(c.node_names()),
        ranking_(c, f.loss()),
        mean_(mean_of_layers(1, f.layers())),
        config_(f) {}

  Var represent(Tape& t) override { return propagate(adjacency_, t.leaf(e_), mean_); }

  Var loss(Tape& t, const Batch& b) override {
    Var e = t.leaf(e_);
    const std::vector<Var> layers =
        noisy_layers(adjacency_, e, config_.layers(), config_.eps(), names_);
    const auto chosen = static_cast<std::size_t>(config_.contrast_layer());
    Var z = mean(layers), other = chosen == 0 ? e : layers[chosen - 1];
    Var rank = ranking_(z, b);
    Var decay = mean_l2(e, b, config_.l2());
    const double w = config_.weight(), temperature = config_.temperature();
    Var of_users = w * batch_contrast(z, other, b["user"], temperature);
    Var of_items = w * batch_contrast(z, other, b["positive"], temperature);
    const Term terms[] = {{ranking_.name(), rank},
                          {"l2", decay},
                          {"contrast_user", of_users},
                          {"contrast_item", of_items}};
    return noted_sum(t, terms);
  }

 private:
  const DistCsr& adjacency_;
  Table& e_;
  std::span<const Index> names_;
  RankingLoss ranking_;
  std::vector<double> mean_;
  v1::XSimGcl config_;
};

const ModelRegistration<v1::XSimGcl, XSimGcl> registered("xsimgcl");

}  // namespace
}  // namespace chorale
