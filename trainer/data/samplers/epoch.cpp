// S-EPOCH: users with replacement, one epoch as many as there are interactions.
#include <algorithm>

#include "trainer/data/sampler.h"

namespace chorale {
namespace {

class EpochSampler final : public Sampler {
 public:
  EpochSampler(const Dataset& dataset, const Lanes& lanes, const SamplerOptions& options)
      : triples_(dataset, options.seed),
        samples_(dataset.interactions(Split::train)),
        batch_(std::min(options.batch, samples_)),
        steps_per_epoch_((samples_ + batch_ - 1) / batch_),
        full_(Partition::uniform(batch_, lanes)),
        last_(Partition::uniform(samples_ - (steps_per_epoch_ - 1) * batch_, lanes)) {}

  Index steps_per_epoch() const override { return steps_per_epoch_; }

  void draw(Index step, Batch& batch) const override {
    const Index within = step % steps_per_epoch_;
    const Partition& part = within + 1 == steps_per_epoch_ ? last_ : full_;
    TripleColumns columns(batch, part);
    const RandomKey key = triples_.key(Purpose::sample_user);
    for (Index i = part.first(); i < part.last(); ++i) {
      const RandomBits bits =
          random_bits(key, static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(i));
      const auto place =
          static_cast<Index>(random_below(bits, static_cast<std::uint64_t>(triples_.users())));
      triples_.append(triples_.user(place), step, i, columns);
    }
  }

 private:
  TripleSource triples_;
  Index samples_;
  Index batch_;
  Index steps_per_epoch_;
  Partition full_;
  Partition last_;
};

}  // namespace

std::unique_ptr<Sampler> make_epoch_sampler(const Dataset& dataset, const Lanes& lanes,
                                            const SamplerOptions& options) {
  return std::make_unique<EpochSampler>(dataset, lanes, options);
}

}  // namespace chorale
