// Heads, one fact of each, and a corrupted tail: the samples of TransR in KGAT.
#include "graph/collaborative.h"
#include "graph/stable_order.h"
#include "kernels/check.h"
#include "trainer/data/permutation.h"
#include "trainer/data/sampler.h"

namespace chorale {
namespace {

class FactSampler final : public Sampler {
 public:
  FactSampler(const Dataset& dataset, const Lanes& lanes, const FactSamplerOptions& options)
      : dataset_(dataset),
        relations_(CollaborativeRelations{dataset.relations()}.count()),
        part_(Partition::uniform(options.heads, lanes)),
        options_(options) {
    for (Index node = 0; node < dataset.nodes(); ++node) {
      if (OutEdges(dataset, node).size() > 0) heads_.push_back(node);
    }
    require_user(!heads_.empty(), Exit::data, "check the source with `chorale inspect`",
                 "{}: there is neither an interaction nor a fact", dataset.folder().string());
  }

  Index steps_per_epoch() const override { return options_.steps_per_epoch; }

  // Every rank draws the heads and relations of the whole batch, a few numbers a sample, so that
  // all agree on its order; tails only for its own part.
  void draw(Index step, Batch& batch) const override {
    const std::vector<Fact> facts = draw_facts(step);
    std::vector<LocalIndex> keys, order(facts.size());
    for (const Fact& f : facts) keys.push_back(f.edge.relation);
    stable_order(keys, relations_, order);
    const auto at = [&](Index place) -> const Fact& {
      return facts[static_cast<std::size_t>(order[static_cast<std::size_t>(place)])];
    };

    IdColumn &head = batch.start("head", part_), &tail = batch.start("tail", part_),
             &negative = batch.start("negative", part_);
    for (Index place = part_.first(); place < part_.last(); ++place) {
      const Fact& f = at(place);
      head.rows.push_back(dataset_.row_of_node(f.head));
      tail.rows.push_back(dataset_.row_of_node(f.edge.tail));
      negative.rows.push_back(dataset_.row_of_node(corrupted_tail(f, step)));
    }
    group(batch, [&](Index place) { return at(place).edge.relation; });
  }

 private:
  struct Fact {
    Index head;  // a node
    OutEdges::Edge edge;
    Index sample;  // its number in the batch before it was ordered
  };

  std::vector<Fact> draw_facts(Index step) const {
    const auto s = static_cast<std::uint64_t>(step);
    const BatchDraw place({Purpose::sample_head, options_.seed}, s, part_.rows(),
                          static_cast<Index>(heads_.size()));
    const RandomKey of_fact{Purpose::sample_fact, options_.seed};
    std::vector<Fact> facts;
    for (Index sample = 0; sample < part_.rows(); ++sample) {
      const Index node = heads_[static_cast<std::size_t>(place(sample))];
      const OutEdges out(dataset_, node);
      const auto pick = static_cast<Index>(
          random_below(random_bits(of_fact, s, static_cast<std::uint64_t>(sample)),
                       static_cast<std::uint64_t>(out.size())));
      facts.push_back({node, out[pick], sample});
    }
    return facts;
  }

  // There is always one: users interact with items only, and no entity has facts with users.
  Index corrupted_tail(const Fact& f, Index step) const {
    const OutEdges out(dataset_, f.head);
    const RandomKey key{Purpose::sample_tail, options_.seed};
    // Attempts are numbered above the sample: one stream of draws for each.
    for (std::uint64_t attempt = 0;; ++attempt) {
      const RandomBits bits = random_bits(key, static_cast<std::uint64_t>(step),
                                          static_cast<std::uint64_t>(f.sample) | (attempt << 40));
      const auto tail =
          static_cast<Index>(random_below(bits, static_cast<std::uint64_t>(dataset_.nodes())));
      if (!out.contains({tail, f.edge.relation})) return tail;
    }
  }

  // Runs of one relation within one lane. The boundaries of all lanes are known to every rank.
  template <class RelationAt>
  void group(Batch& batch, RelationAt relation_at) const {
    std::vector<Index> boundaries{0}, begins;
    std::vector<LocalIndex> relations;
    for (int lane = 0; lane < part_.lanes().count; ++lane) {
      for (Index p = part_.lane_begin(lane); p < part_.lane_begin(lane + 1); ++p) {
        if (p > part_.lane_begin(lane) && relation_at(p) == relation_at(p - 1)) continue;
        begins.push_back(p);
        relations.push_back(relation_at(p));
      }
      boundaries.push_back(static_cast<Index>(begins.size()));
    }
    const Partition part(part_.lanes(), std::move(boundaries));
    IdColumn& relation = batch.start("relation", part);
    batch.groups.clear();
    for (Index g = part.first(); g < part.last(); ++g) {
      batch.groups.push_back(begins[static_cast<std::size_t>(g)] - part_.first());
      relation.rows.push_back(relations[static_cast<std::size_t>(g)]);
    }
    batch.groups.push_back(part_.local_rows());
  }

  Dataset dataset_;
  Index relations_;
  Partition part_;
  FactSamplerOptions options_;
  std::vector<Index> heads_;  // nodes with an edge
};

}  // namespace

std::unique_ptr<Sampler> make_fact_sampler(const Dataset& dataset, const Lanes& lanes,
                                           const FactSamplerOptions& options) {
  return std::make_unique<FactSampler>(dataset, lanes, options);
}

}  // namespace chorale
