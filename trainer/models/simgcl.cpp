// SimGCL: Yu et al., "Are Graph Augmentations Necessary? Simple Graph Contrastive Learning for
// Recommendation", SIGIR 2022, arXiv 2112.08679.
//
// LightGCN without layer 0 is ranked and scores: the mean of A E, ..., A^K E. Two views of it have
// noise of length eps added to every row after every layer, pointing where the row's signs point
// (eqs. 7 and 8), and are contrasted in the batch: InfoNCE over its users and over its positives
// (eq. 3).
//
// Kept from the authors' code: layer 0 is left out, keys are the nodes of the batch. Deviations: a
// node that the batch has several times counts as often, though never as its own negative (the code
// takes each node once); the regulariser is on the layer-0 rows, as in LightGCN (the code has it on
// the final vectors).
#include "trainer/losses/ranking.h"
#include "trainer/model.h"
#include "trainer/models/layers.h"

namespace chorale {
namespace {

class SimGcl final : public Model {
 public:
  SimGcl(ModelContext& c, const v1::SimGcl& f)
      : adjacency_(c.adjacency(Normalization::sym)),
        e_(c.embeddings("simgcl.ego", f.dim(), f.initial())),
        names_(c.node_names()),
        ranking_(c, f.loss()),
        mean_(mean_of_layers(1, f.layers())),
        config_(f) {}

  Var represent(Tape& t) override { return propagate(adjacency_, t.leaf(e_), mean_); }

  Var loss(Tape& t, const Batch& b) override {
    Var rank = ranking_(propagate(adjacency_, t.leaf(e_), mean_, ranking_.gathered(b)), b);
    Var decay = mean_l2(t.leaf(e_), b, config_.l2());
    Var x = view(t);
    Var y = view(t);
    const double w = config_.weight(), temperature = config_.temperature();
    Var of_users = w * batch_contrast(x, y, b["user"], temperature);
    Var of_items = w * batch_contrast(x, y, b["positive"], temperature);
    const Term terms[] = {{ranking_.name(), rank},
                          {"l2", decay},
                          {"contrast_user", of_users},
                          {"contrast_item", of_items}};
    return noted_sum(t, terms);
  }

 private:
  Var view(Tape& t) const {
    return mean(noisy_layers(adjacency_, t.leaf(e_), config_.layers(), config_.eps(), names_));
  }

  const DistCsr& adjacency_;
  Table& e_;
  std::span<const Index> names_;
  RankingLoss ranking_;
  std::vector<double> mean_;
  v1::SimGcl config_;
};

const ModelRegistration<v1::SimGcl, SimGcl> registered("simgcl");

}  // namespace
}  // namespace chorale
