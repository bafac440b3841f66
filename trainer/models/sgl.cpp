// SGL: Wu et al., "Self-supervised Graph Learning for Recommendation", SIGIR 2021, arXiv
// 2010.10783.
//
// LightGCN on the whole graph is ranked and scores. Two views of it, each the same propagation on a
// graph with edges or nodes dropped (eqs. 6 and 7), drawn anew every epoch, are contrasted: a user
// of the batch in one view against itself among all users of the other, and likewise the batch's
// positives among all items (eqs. 9 and 10). The regulariser is on the layer-0 rows of the batch.
//
// The loss is the mean over the batch; the authors' code sums every term but for the same weights,
// which Adam does not see but for its epsilon. Deviations: an edge or a node is dropped
// independently of the others, where the code drops an exact share of them; random walks (RW) are
// not here.
#include "graph/dropped_graph.h"
#include "trainer/losses/ranking.h"
#include "trainer/model.h"
#include "trainer/models/layers.h"

namespace chorale {
namespace {

DroppedGraph::Options views_of(const ModelContext& c, const v1::Sgl& f) {
  const bool edges = f.augmentation() == v1::Sgl::EDGE;
  return {.what = edges ? Dropped::edges : Dropped::nodes,
          .rate = f.rate(),
          .seed = c.seed(),
          .views = 2};
}

class Sgl final : public Model {
 public:
  Sgl(ModelContext& c, const v1::Sgl& f)
      : adjacency_(c.adjacency(Normalization::sym)),
        views_(c.device(), c.comm(), c.dataset(), c.nodes(), views_of(c, f)),
        e_(c.embeddings("sgl.ego", f.dim(), f.initial())),
        users_{c.users(), c.users().global_rows()},
        items_{c.items(), c.items().global_rows()},
        ranking_(c, f.loss()),
        mean_(mean_of_layers(0, f.layers())),
        config_(f) {}

  void begin_epoch(Tape& t, Index epoch) override { views_.redraw(t.arena(), epoch); }

  Var represent(Tape& t) override { return propagate(adjacency_, t.leaf(e_), mean_); }

  Var loss(Tape& t, const Batch& b) override {
    Var e = t.leaf(e_);
    Var rank = ranking_(propagate(adjacency_, e, mean_, ranking_.gathered(b)), b);
    Var decay = mean_l2(e, b, config_.l2());
    Var x = propagate(views_.view(0), e, mean_), y = propagate(views_.view(1), e, mean_);
    Var of_users = contrast(x, y, b["user"], users_);
    Var of_items = contrast(x, y, b["positive"], items_);
    const Term terms[] = {{ranking_.name(), rank},
                          {"l2", decay},
                          {"contrast_user", of_users},
                          {"contrast_item", of_items}};
    return noted_sum(t, terms);
  }

 private:
  // The users, or the items, all of which are keys of the contrast.
  struct Side {
    const RowSubset& subset;
    std::vector<Index> rows;  // global, of this rank
  };

  Var contrast(Var x, Var y, const IdColumn& ids, const Side& side) const {
    Var from = gather(x, ids), to = gather(y, ids);
    return config_.weight() *
           softmax_loss(from, to, ids, select(y, side.subset), side.rows, config_.temperature());
  }

  const DistCsr& adjacency_;
  DroppedGraph views_;
  Table& e_;
  Side users_, items_;
  RankingLoss ranking_;
  std::vector<double> mean_;
  v1::Sgl config_;
};

const ModelRegistration<v1::Sgl, Sgl> registered("sgl");

}  // namespace
}  // namespace chorale
