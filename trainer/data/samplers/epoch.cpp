// S-EPOCH: users with replacement, one epoch as many as there are interactions.
#include "trainer/data/sampler.h"

namespace chorale {
namespace {

class EpochSampler final : public Sampler {
 public:
  EpochSampler(const Dataset& dataset, const Lanes& lanes, const SamplerOptions& options)
      : triples_(dataset, options.seed),
        batches_(dataset.interactions(Split::train), options.batch, lanes) {}

  Index steps_per_epoch() const override { return batches_.steps_per_epoch(); }

  void draw(Index step, Batch& batch) const override {
    const Partition& part = batches_.part(step);
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
  EpochBatches batches_;
};

}  // namespace

std::unique_ptr<Sampler> make_epoch_sampler(const Dataset& dataset, const Lanes& lanes,
                                            const SamplerOptions& options) {
  return std::make_unique<EpochSampler>(dataset, lanes, options);
}

}  // namespace chorale
