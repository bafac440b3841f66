// Every interaction once an epoch.
#include <algorithm>

#include "trainer/data/permutation.h"
#include "trainer/data/sampler.h"

namespace chorale {
namespace {

class EdgeSampler final : public Sampler {
 public:
  EdgeSampler(const Dataset& dataset, const Lanes& lanes, const SamplerOptions& options)
      : dataset_(dataset),
        triples_(dataset, options.seed),
        begin_(first_interactions(dataset, triples_)),
        batches_(begin_.back(), options.batch, lanes) {}

  Index steps_per_epoch() const override { return batches_.steps_per_epoch(); }

  void draw(Index step, Batch& batch) const override {
    const Partition& part = batches_.part(step);
    TripleColumns columns(batch, part);
    const Index first = batches_.first_sample(step);
    const Permutation order(triples_.key(Purpose::sample_edge),
                            static_cast<std::uint64_t>(step / steps_per_epoch()), begin_.back());
    for (Index i = part.first(); i < part.last(); ++i) {
      const Index edge = order(first + i);
      const auto after = std::upper_bound(begin_.begin(), begin_.end(), edge);
      const Index place = after - begin_.begin() - 1;
      const Index user = triples_.user(place);
      const Index positive =
          dataset_.items_of(Split::train, user)[static_cast<std::size_t>(edge - *std::prev(after))];
      triples_.append(user, positive, step, i, columns);
    }
  }

 private:
  static std::vector<Index> first_interactions(const Dataset& dataset,
                                               const TripleSource& triples) {
    std::vector<Index> begin{0};
    for (Index place = 0; place < triples.users(); ++place) {
      const auto n = dataset.items_of(Split::train, triples.user(place)).size();
      begin.push_back(begin.back() + static_cast<Index>(n));
    }
    return begin;
  }

  Dataset dataset_;
  TripleSource triples_;
  std::vector<Index> begin_;  // interactions before each sampled user's first
  EpochBatches batches_;
};

}  // namespace

std::unique_ptr<Sampler> make_edge_sampler(const Dataset& dataset, const Lanes& lanes,
                                           const SamplerOptions& options) {
  return std::make_unique<EdgeSampler>(dataset, lanes, options);
}

}  // namespace chorale
