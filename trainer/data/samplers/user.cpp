// S-USER: distinct users in every batch.
#include "trainer/data/permutation.h"
#include "trainer/data/sampler.h"

namespace chorale {
namespace {

class UserSampler final : public Sampler {
 public:
  UserSampler(const Dataset& dataset, const Lanes& lanes, const SamplerOptions& options)
      : triples_(dataset, options.seed),
        part_(Partition::uniform(options.batch, lanes)),
        steps_per_epoch_(dataset.interactions(Split::train) / options.batch + 1) {}

  Index steps_per_epoch() const override { return steps_per_epoch_; }

  void draw(Index step, Batch& batch) const override {
    TripleColumns columns(batch, part_);
    const BatchDraw place(triples_.key(Purpose::sample_user), static_cast<std::uint64_t>(step),
                          part_.rows(), triples_.users());
    for (Index i = part_.first(); i < part_.last(); ++i) {
      triples_.append(triples_.user(place(i)), step, i, columns);
    }
  }

 private:
  TripleSource triples_;
  Partition part_;
  Index steps_per_epoch_;
};

}  // namespace

std::unique_ptr<Sampler> make_user_sampler(const Dataset& dataset, const Lanes& lanes,
                                           const SamplerOptions& options) {
  return std::make_unique<UserSampler>(dataset, lanes, options);
}

}  // namespace chorale
