// MMHCL: multi-modal hypergraph contrastive learning, arXiv 2504.16576, as the published code runs
// it.
//
// Two branches with tables of their own. Users and items by their interactions: the mean of A^k E,
// as LightGCN. Users and items by hypergraphs: h_u = P_u^L F_u, where users who bought the same
// item share a hyperedge, and h_i = P_i^L F_i, where items that list the same item among their
// nearest by some features share one. Fused: z = x + h / |h|. The loss is BPR and the L2 term on
// the fused vectors of the batch, and on each side the contrast of all fused with all hypergraph
// vectors.
//
// Deviations of that code from the paper, kept: plain powers of the clique expansions, without
// weights or activations; contrast in one direction.
#include <optional>

#include "graph/side_graphs.h"
#include "trainer/losses/ranking.h"
#include "trainer/model.h"

namespace chorale {
namespace {

class Mmhcl final : public Model {
 public:
  Mmhcl(ModelContext& c, const v1::Mmhcl& f)
      : adjacency_(c.adjacency(Normalization::sym)),
        e_(c.embeddings("mmhcl.ego", f.dim(), {})),
        ranking_(c, f.loss()),
        mean_(static_cast<std::size_t>(f.layers()) + 1, 1.0 / (f.layers() + 1)),
        config_(f) {
    if (f.user_weight() > 0) {
      users_.emplace(c.users(), c.embeddings("mmhcl.hyper_user", f.dim(), {}, c.users()),
                     co_interactions(c.device(), c.comm(), c.dataset(), c.nodes().lanes()),
                     f.user_layers(), f.user_weight());
    }
    if (f.item_weight() > 0) {
      items_.emplace(c.items(), c.embeddings("mmhcl.hyper_item", f.dim(), {}, c.items()),
                     item_hypergraph(c, f), f.item_layers(), f.item_weight());
    }
  }

  Var represent(Tape& t) override { return fuse(t).z; }

  Var loss(Tape& t, const Batch& b) override {
    const Fused f = fuse(t);
    Var rank = ranking_(f.z, b);
    Var decay = mean_l2(f.z, b, config_.l2());
    std::vector<Term> terms = {{ranking_.name(), rank}, {"l2", decay}};
    if (users_) terms.push_back({"contrast_user", contrast(*users_, f.z, f.hyper_user)});
    if (items_) terms.push_back({"contrast_item", contrast(*items_, f.z, f.hyper_item)});
    return noted_sum(t, terms);
  }

 private:
  // The hypergraph branch of the users, or of the items.
  struct Side {
    Side(const RowSubset& rows, Table& table, CliqueOperator expansion, int k, double w)
        : subset(rows), f(table), p(std::move(expansion)), layers(k), weight(w) {}
    const RowSubset& subset;
    Table& f;
    CliqueOperator p;
    int layers;
    double weight;
  };
  struct Fused {
    Var z, hyper_user, hyper_item;
  };

  static CliqueOperator item_hypergraph(ModelContext& c, const v1::Mmhcl& f) {
    std::vector<std::string> names(f.features().begin(), f.features().end());
    if (names.empty()) names = c.dataset().feature_names();
    require_user(!names.empty(), Exit::usage,
                 "give them to `chorale prepare --features NAME=FILE.npy`",
                 "model.mmhcl: {} has no features of items", c.dataset().folder().string());
    std::vector<NeighbourLists> lists;
    for (const std::string& name : names) {
      lists.push_back(item_neighbours(c.device(), c.comm(), c.dataset(), c.nodes().lanes(), name,
                                      f.neighbours()));
    }
    return shared_neighbours(c.device(), c.comm(), c.items().part(), lists);
  }

  static Var hyper(Tape& t, const Side& s) {
    Var h = t.leaf(s.f);
    for (int k = 0; k < s.layers; ++k) h = expand(s.p, h);
    return h;
  }

  Fused fuse(Tape& t) {
    Fused f;
    f.z = propagate(adjacency_, t.leaf(e_), mean_);
    if (users_) {
      f.hyper_user = hyper(t, *users_);
      f.z = f.z + spread(normalize_rows(f.hyper_user), users_->subset);
    }
    if (items_) {
      f.hyper_item = hyper(t, *items_);
      f.z = f.z + spread(normalize_rows(f.hyper_item), items_->subset);
    }
    return f;
  }

  Var contrast(const Side& s, Var z, Var h) const {
    return s.weight * synergistic_contrast(select(z, s.subset), h, config_.temperature());
  }

  const DistCsr& adjacency_;
  Table& e_;
  RankingLoss ranking_;
  std::vector<double> mean_;
  v1::Mmhcl config_;
  std::optional<Side> users_, items_;
};

const ModelRegistration<v1::Mmhcl, Mmhcl> registered("mmhcl");

}  // namespace
}  // namespace chorale
