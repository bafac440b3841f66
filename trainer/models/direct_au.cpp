// DirectAU: Wang et al., "Towards Representation Alignment and Uniformity in Collaborative
// Filtering", KDD 2022, arXiv 2206.12811.
//
// Vectors of the batch at length 1: loss = mean |u - p|^2 + gamma (uniformity of the users +
// uniformity of the positives) / 2 (eqs. 4 to 6). No negatives. The encoder is matrix factorisation
// or, with layers, LightGCN; scores are dot products of its vectors as they are. Weight decay, as
// the authors use it, is the optimizer's (adam { l2 }).
//
// Kept from the authors' code: an item that the batch has twice makes a pair with itself.
// Deviations: initial values are Xavier-uniform instead of Xavier-normal; a batch of one sample,
// which has no pairs, is aligned only.
#include "trainer/model.h"
#include "trainer/models/layers.h"

namespace chorale {
namespace {

class DirectAu final : public Model {
 public:
  DirectAu(ModelContext& c, const v1::DirectAu& f)
      : adjacency_(f.layers() > 0 ? &c.adjacency(Normalization::sym) : nullptr),
        e_(c.embeddings("direct_au.ego", f.dim(), f.initial())),
        mean_(mean_of_layers(0, f.layers())),
        gamma_(f.gamma()) {}

  Var represent(Tape& t) override { return encode(t, {}); }

  Var loss(Tape& t, const Batch& b) override {
    const IdColumn* const gathered[] = {&b["user"], &b["positive"]};
    Var z = encode(t, gathered);
    Var u = normalize_rows(gather(z, b["user"])), p = normalize_rows(gather(z, b["positive"]));
    Var together = alignment(u, p);
    t.note("alignment", together);
    if (b["user"].size() < 2) return together;
    Var apart = uniformity(u) + uniformity(p);
    t.note("uniformity", apart);
    return together + (0.5 * gamma_) * apart;
  }

 private:
  Var encode(Tape& t, std::span<const IdColumn* const> gathered) const {
    Var e = t.leaf(e_);
    return adjacency_ == nullptr ? e : propagate(*adjacency_, e, mean_, gathered);
  }

  const DistCsr* adjacency_;  // null without layers
  Table& e_;
  std::vector<double> mean_;
  double gamma_;
};

const ModelRegistration<v1::DirectAu, DirectAu> registered("direct_au");

}  // namespace
}  // namespace chorale
