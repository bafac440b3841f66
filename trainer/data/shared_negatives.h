// Items drawn once a step and shared by all samples of its batch: the negatives of sampled softmax.
#pragma once

#include "graph/io/dataset.h"
#include "trainer/data/batch.h"

namespace chorale {

class SharedNegatives {
 public:
  // `count` items a step, uniform with replacement.
  SharedNegatives(const Dataset& dataset, const Lanes& lanes, Index count, std::uint64_t seed)
      : dataset_(dataset), part_(Partition::uniform(count, lanes)), seed_(seed) {}

  // Fills the column "shared_negative" with the rows of this rank's part of them.
  void draw(Index step, Batch& batch) const;

 private:
  Dataset dataset_;
  Partition part_;
  std::uint64_t seed_;
};

}  // namespace chorale
