// The loss that a configuration chooses, over the vectors of an encoder.
#pragma once

#include <vector>

#include "configs/schema/model.pb.h"
#include "trainer/autodiff/var.h"
#include "trainer/data/batch.h"

namespace chorale {

class ModelContext;
class RowSubset;

class RankingLoss {
 public:
  // BPR if the configuration chooses nothing.
  RankingLoss(ModelContext& context, const v1::Loss& config);

  // What ranks the positives of the batch above other items.   z:(nodes,d) rows
  //   bpr              against "negative"
  //   sampled_softmax  against "shared_negative", on cosines
  //   full_softmax     against all items, on cosines
  //   info_nce         against the positives of the others, on cosines. An item counts as often as
  //                    the batch has it.
  Var operator()(Var z, const Batch& batch) const;
  // The columns whose rows of z the loss gathers; none if it reads other rows too. For
  // propagate, choose and spmm.
  std::vector<const IdColumn*> gathered(const Batch& batch) const;
  // And those of mean_l2(z, batch).
  std::vector<const IdColumn*> gathered_with_l2(const Batch& batch) const;
  const char* name() const;  // of the chosen one, for Tape::note

 private:
  v1::Loss config_;
  const RowSubset* items_ = nullptr;  // for full_softmax
  std::vector<Index> item_rows_;      // global, of this rank's items
};

}  // namespace chorale
