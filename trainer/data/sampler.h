// Samplers: a batch is a pure function of the step, so restarts, prefetching and any number of
// ranks are free. A rank draws only its own samples, each named by (step, position in the batch).
//
// To add one: write trainer/data/samplers/<name>.cpp and its value in configs/schema/config.proto.
#pragma once

#include <memory>
#include <vector>

#include "comm/lanes.h"
#include "graph/io/dataset.h"
#include "kernels/random.h"
#include "trainer/data/batch.h"

namespace chorale {

class Sampler {
 public:
  virtual ~Sampler() = default;
  virtual Index steps_per_epoch() const = 0;
  // This rank's part of the batch of `step` (from 0), into `batch`, whose memory is reused.
  virtual void draw(Index step, Batch& batch) const = 0;
};

struct SamplerOptions {
  Index batch = 2048;
  std::uint64_t seed = 0;
};

// Every sampler of interactions fills the columns "user", "positive" and "negative".

// S-USER: `batch` distinct users, uniform over users with a training item (with replacement only if
// there are fewer users than that); one positive, uniform over the user's training items; one
// negative, uniform over the other items. floor(interactions / batch) + 1 full steps an epoch.
// (NGCF, KGAT, LightGCN in TensorFlow.)
std::unique_ptr<Sampler> make_user_sampler(const Dataset& dataset, const Lanes& lanes,
                                           const SamplerOptions& options);

// S-EPOCH: an epoch is as many users, uniform with replacement, as there are interactions, cut into
// batches; the last one is partial. Positives and negatives as above. (LightGCN in PyTorch.)
std::unique_ptr<Sampler> make_epoch_sampler(const Dataset& dataset, const Lanes& lanes,
                                            const SamplerOptions& options);

// Every training interaction once an epoch, in a fresh order each epoch, cut into batches; the last
// one is partial. Negatives as above.
std::unique_ptr<Sampler> make_edge_sampler(const Dataset& dataset, const Lanes& lanes,
                                           const SamplerOptions& options);

struct FactSamplerOptions {
  Index heads = 2048;  // samples a step
  Index steps_per_epoch = 1;
  std::uint64_t seed = 0;
};

// Facts of the collaborative knowledge graph (graph/collaborative.h), for TransR: `heads` distinct
// nodes, uniform over those with an edge (with replacement only if there are fewer); one edge,
// uniform over those that leave the node; one corrupted tail, uniform over the nodes to which no
// edge of this relation leads from the head. (KGAT.)
//
// Fills the columns "head", "tail" and "negative", ordered by relation over the whole batch, and
// Batch::groups; the column "relation" has one entry a group.
std::unique_ptr<Sampler> make_fact_sampler(const Dataset& dataset, const Lanes& lanes,
                                           const FactSamplerOptions& options);

// An epoch of `samples` cut into batches, of which the last one may be partial.
class EpochBatches {
 public:
  EpochBatches(Index samples, Index batch, const Lanes& lanes);

  Index steps_per_epoch() const { return steps_per_epoch_; }
  // How the samples of this step are dealt, and the number in the epoch of the first of them.
  const Partition& part(Index step) const {
    return step % steps_per_epoch_ + 1 == steps_per_epoch_ ? last_ : full_;
  }
  Index first_sample(Index step) const { return step % steps_per_epoch_ * full_.rows(); }

 private:
  Index steps_per_epoch_;
  Partition full_;
  Partition last_;
};

// What samplers of (user, positive, negative) share.
class TripleSource {
 public:
  // Throws Error (Exit::data) if no user has both a training item and an item to be a negative.
  TripleSource(const Dataset& dataset, std::uint64_t seed);

  // Users with at least one training item and at least one other item, by id.
  Index users() const { return static_cast<Index>(users_.size()); }
  Index user(Index i) const { return users_[static_cast<std::size_t>(i)]; }
  RandomKey key(Purpose purpose) const { return {purpose, seed_}; }
  // Appends the rows of (user, a positive, a negative), drawn for sample `position` of `step`.
  void append(Index user, Index step, Index position, TripleColumns& columns) const;
  // The same with this positive.
  void append(Index user, Index positive, Index step, Index position, TripleColumns& columns) const;

 private:
  Dataset dataset_;
  std::uint64_t seed_;
  std::vector<Index> users_;
};

}  // namespace chorale
