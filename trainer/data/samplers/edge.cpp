// Every interaction once an epoch.
#include <algorithm>

#include "trainer/data/permutation.h"
#include "trainer/data/sampler.h"

namespace chorale {
namespace {

class EdgeSampler final : public Sampler {
 public:
  EdgeSampler(const Dataset& dataset, const Lanes& lanes, const SamplerOptions& options)
      : dataset_(dataset), triples_(dataset, options.seed) {
    for (Index place = 0; place < triples_.users(); ++place) {
      const auto n = dataset.items_of(Split::train, triples_.user(place)).size();
      begin_.push_back(begin_.back() + static_cast<Index>(n));
    }
    const Index edges = begin_.back();
    batch_ = std::min(options.batch, edges);
    steps_per_epoch_ = (edges + batch_ - 1) / batch_;
    full_ = Partition::uniform(batch_, lanes);
    last_ = Partition::uniform(edges - (steps_per_epoch_ - 1) * batch_, lanes);
  }

  Index steps_per_epoch() const override { return steps_per_epoch_; }

  void draw(Index step, Batch& batch) const override {
    const Index within = step % steps_per_epoch_;
    const Partition& part = within + 1 == steps_per_epoch_ ? last_ : full_;
    TripleColumns columns(batch, part);
    const Permutation order(triples_.key(Purpose::sample_edge),
                            static_cast<std::uint64_t>(step / steps_per_epoch_), begin_.back());
    for (Index i = part.first(); i < part.last(); ++i) {
      const Index edge = order(within * batch_ + i);
      const auto after = std::upper_bound(begin_.begin(), begin_.end(), edge);
      const Index place = after - begin_.begin() - 1;
      const Index user = triples_.user(place);
      const Index positive =
          dataset_.items_of(Split::train, user)[static_cast<std::size_t>(edge - *std::prev(after))];
      triples_.append(user, positive, step, i, columns);
    }
  }

 private:
  Dataset dataset_;
  TripleSource triples_;
  std::vector<Index> begin_{0};  // interactions before each sampled user's first
  Index batch_ = 0;
  Index steps_per_epoch_ = 0;
  Partition full_;
  Partition last_;
};

}  // namespace

std::unique_ptr<Sampler> make_edge_sampler(const Dataset& dataset, const Lanes& lanes,
                                           const SamplerOptions& options) {
  return std::make_unique<EdgeSampler>(dataset, lanes, options);
}

}  // namespace chorale
