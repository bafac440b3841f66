// How an epoch is cut into full batches and the one that is left.
#include <algorithm>

#include "trainer/data/sampler.h"

namespace chorale {

EpochBatches::EpochBatches(Index samples, Index batch, const Lanes& lanes) {
  batch = std::min(batch, samples);
  steps_per_epoch_ = (samples + batch - 1) / batch;
  full_ = Partition::uniform(batch, lanes);
  last_ = Partition::uniform(samples - (steps_per_epoch_ - 1) * batch, lanes);
}

}  // namespace chorale
