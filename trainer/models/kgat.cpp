// KGAT: Wang et al., "KGAT: Knowledge Graph Attention Network for Recommendation", KDD 2019, as the
// published code runs it.
//
// Users, items and other entities are nodes of one graph; interactions and facts are its edges, in
// both directions, with a relation each (graph/collaborative.h). Layer k, with n = A e_k:
//   e_{k+1} = dropout(leaky((e_k + n) W_gc + b_gc) + leaky((e_k o n) W_bi + b_bi))          (eq. 8)
// Final vectors: e_0 beside the row-normalised e_1 .. e_K; the next layer takes the un-normalised
// value. Every epoch has two phases with optimizers of their own: BPR, then TransR on the edges
// (eqs. 1 and 2), which shapes e_0, the relations' vectors and matrices.
//
// Deviations of that code from the paper, kept: biases; in TransR no vector is normalised; and the
// attention (eqs. 4 and 5) is computed after every epoch, but never reaches the graph, whose edges
// weigh 1 / (edges of their relation at the head). `attention: LIVE` does what the paper says.
// Aggregator GCN is that of the code, without the self term of eq. 6; GRAPHSAGE normalises the
// layer's output, where the code by mistake normalises its input.
#include <optional>

#include "configs/schema/config.pb.h"
#include "graph/attention.h"
#include "kernels/log.h"
#include "trainer/losses/ranking.h"
#include "trainer/model.h"
#include "trainer/models/layers.h"

namespace chorale {
namespace {

class Kgat final : public Model {
 public:
  Kgat(ModelContext& c, const v1::Kgat& f)
      : Kgat(c, f, collaborative_edges(c.dataset(), c.nodes())) {}

  Var represent(Tape& t) override { return encode(t, {}); }

  Var loss(Tape& t, const Batch& b) override {
    Var z = encode(t, ranking_.gathered_with_l2(b));
    Var rank = ranking_(z, b);
    Var decay = mean_l2(z, b, config_.l2());
    const Term terms[] = {{ranking_.name(), rank}, {"l2", decay}};
    return noted_sum(t, terms);
  }

  std::vector<Phase> further_phases(const v1::Config& config) override {
    const v1::TransR& f = config_.transr();
    const Index interactions = dataset_.interactions(Split::train);
    const Index edges = 2 * (interactions + dataset_.triples());
    Index heads = f.batch();
    if (f.published_heads()) {
      heads = std::max<Index>(
          dataset_.triples() / std::max<Index>(interactions / config.train().batch(), 1), 1);
    }
    Phase phase;
    phase.name = "transr";
    phase.sampler = make_fact_sampler(
        dataset_, lanes_,
        {.heads = heads, .steps_per_epoch = edges / f.batch() + 1, .seed = config.train().seed()});
    phase.loss = [this](Tape& t, const Batch& b) { return transr(t, b); };
    phase.tables = {&e_, &relation_, &matrix_of_relation_};
    phase.optimizer = f.has_optimizer() ? f.optimizer() : config.optimizer();
    std::vector<Phase> phases;  // a list of one could not be moved from
    phases.push_back(std::move(phase));
    return phases;
  }

  void finish_epoch(Tape& t) override {
    if (!attention_) return;
    attention_->compute(t.arena(), e_.values(), relation_.values(), matrix_of_relation_.values(),
                        weights_->values());
    matrix_.assign(t.arena(), weights_->values());
  }

  std::optional<ConstView> edge_weights() const override { return matrix_.edge_values(); }

  void tables_changed(Tape& t) override {
    if (attention_) matrix_.assign(t.arena(), weights_->values());
  }

 private:
  struct Weights {
    Table &w_gc, &b_gc;
    Table *w_bi, *b_bi;  // of BI only
  };

  Kgat(ModelContext& c, const v1::Kgat& f, const std::vector<KnowledgeEdge>& edges)
      : config_(f),
        dataset_(c.dataset()),
        lanes_(c.nodes().lanes()),
        names_(c.node_names()),
        matrix_(knowledge_matrix(c.device(), c.comm(), c.nodes(), edges)),
        e_(c.embeddings("kgat.ego", f.dim(), {})),
        ranking_(c, f.loss()),
        relation_(relation_table(c, "kgat.relation", 1, f.transr().dim())),
        matrix_of_relation_(relation_table(c, "kgat.relation_matrix", f.dim(), f.transr().dim())) {
    if (dataset_.triples() == 0) {
      log_warning(
          "model.kgat: {} has no facts, the graph is one of interactions only; facts come "
          "with `chorale prepare --format kgat`",
          dataset_.folder().string());
    }
    std::vector<int> widths(f.widths().begin(), f.widths().end());
    if (widths.empty()) widths = {64, 32, 16};
    int from = f.dim();
    for (std::size_t k = 0; k < widths.size(); ++k) {
      add_layer(c, "." + std::to_string(k), from, widths[k]);
      from = widths[k];
    }
    if (f.attention() == v1::Kgat::LIVE) {
      attention_.emplace(c.device(), c.comm(), matrix_, edges, relation_.partition());
      const std::vector<Index> names(edges.size(), 0);  // all begin alike
      weights_ =
          &c.rows("kgat.attention", matrix_.edge_partition(), 1, names, constant_values(0), false);
      c.device().kernels().copy(matrix_.edge_values(), weights_->values());
    }
  }

  Var encode(Tape& t, std::span<const IdColumn* const> gathered) {
    return normalized_layers(matrix_, t.leaf(e_), static_cast<int>(layers_.size()), gathered,
                             [&](int k, Var e, Var n) {
                               return aggregate(t, layers_[static_cast<std::size_t>(k)], e, n);
                             });
  }

  // One row a relation: a vector, or a row-major (rows, cols) matrix. Xavier-uniform as TensorFlow
  // 1 has it: of all matrices together.
  static Table& relation_table(ModelContext& c, const char* name, Index rows, Index cols) {
    const Index n = CollaborativeRelations{c.dataset().relations()}.count();
    const Partition part = Partition::uniform(n, c.nodes().lanes());
    std::vector<Index> relations;
    for (Index r = part.first(); r < part.last(); ++r) relations.push_back(r);
    const Index fan_out = rows == 1 ? cols : n * cols;
    return c.rows(name, part, rows * cols, relations,
                  xavier_uniform_values(c.seed(), name, n * rows, fan_out), false);
  }

  void add_layer(ModelContext& c, const std::string& at, int from, int to) {
    const bool both = config_.aggregator() == v1::Kgat::GRAPHSAGE;
    Table& w_gc = c.weight("kgat.w_gc" + at, both ? 2 * from : from, to);
    Table& b_gc = c.weight("kgat.b_gc" + at, 1, to);
    if (config_.aggregator() != v1::Kgat::BI) {
      layers_.push_back({w_gc, b_gc, nullptr, nullptr});
      return;
    }
    layers_.push_back(
        {w_gc, b_gc, &c.weight("kgat.w_bi" + at, from, to), &c.weight("kgat.b_bi" + at, 1, to)});
  }

  Var aggregate(Tape& t, const Weights& layer, Var e, Var n) const {
    const auto dense = [&](Var x, double slope) {
      Var y = leaky_relu(add_bias(matmul(x, t.leaf(layer.w_gc)), t.leaf(layer.b_gc)), slope);
      return dropout(y, config_.message_dropout(), names_);
    };
    switch (config_.aggregator()) {
      case v1::Kgat::BI:
        return bi_interaction(e, n,
                              {layer.w_gc, layer.b_gc, *layer.w_bi, *layer.b_bi, true,
                               config_.slope(), config_.message_dropout()},
                              names_);
      case v1::Kgat::GCN:
        break;
      case v1::Kgat::GRAPHSAGE: {
        const Var both[] = {e, n};
        return dense(concat(both), 0);
      }
    }
    return dense(n, config_.slope());
  }

  Var transr(Tape& t, const Batch& b) {
    Var e = t.leaf(e_);
    return transr_loss(gather(e, b["head"]), gather(e, b["tail"]), gather(e, b["negative"]),
                       gather(t.leaf(relation_), b["relation"]),
                       gather(t.leaf(matrix_of_relation_), b["relation"]), b.groups,
                       config_.transr().l2(), config_.transr().batch());
  }

  v1::Kgat config_;
  Dataset dataset_;
  Lanes lanes_;
  std::span<const Index> names_;
  DistCsr matrix_;
  Table& e_;
  RankingLoss ranking_;
  Table& relation_;
  Table& matrix_of_relation_;
  std::vector<Weights> layers_;
  std::optional<Attention> attention_;
  Table* weights_ = nullptr;  // attention of each edge, in the order of matrix_
};

const ModelRegistration<v1::Kgat, Kgat> registered("kgat");

}  // namespace
}  // namespace chorale
