#include "trainer/losses/ranking.h"

#include <algorithm>

#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"
#include "trainer/model.h"

namespace chorale {

RankingLoss::RankingLoss(ModelContext& context, const v1::Loss& config) : config_(config) {
  if (!config.has_full_softmax()) return;
  items_ = &context.items();
  item_rows_ = items_->global_rows();
}

Var RankingLoss::operator()(Var z, const Batch& b) const {
  const IdColumn& positives = b["positive"];
  Var u = gather(z, b["user"]), p = gather(z, positives);
  switch (config_.kind_case()) {
    case v1::Loss::kSampledSoftmax: {
      const IdColumn& keys = b["shared_negative"];
      return softmax_loss(u, p, positives, gather(z, keys), keys.rows,
                          config_.sampled_softmax().temperature());
    }
    case v1::Loss::kFullSoftmax:
      return softmax_loss(u, p, positives, select(z, *items_), item_rows_,
                          config_.full_softmax().temperature());
    case v1::Loss::kInfoNce:
      return info_nce(u, p, positives, config_.info_nce().temperature());
    case v1::Loss::kBpr:
    case v1::Loss::KIND_NOT_SET:
      break;
  }
  return bpr_loss(u, p, gather(z, b["negative"]));
}

std::vector<const IdColumn*> RankingLoss::gathered(const Batch& b) const {
  switch (config_.kind_case()) {
    case v1::Loss::kSampledSoftmax:
      return {&b["user"], &b["positive"], &b["shared_negative"]};
    case v1::Loss::kFullSoftmax:
      return {};
    case v1::Loss::kInfoNce:
      return {&b["user"], &b["positive"]};
    case v1::Loss::kBpr:
    case v1::Loss::KIND_NOT_SET:
      break;
  }
  return {&b["user"], &b["positive"], &b["negative"]};
}

std::vector<const IdColumn*> RankingLoss::gathered_with_l2(const Batch& b) const {
  std::vector<const IdColumn*> columns = gathered(b);
  const IdColumn* negatives = &b["negative"];
  if (!columns.empty() && std::ranges::find(columns, negatives) == columns.end()) {
    columns.push_back(negatives);
  }
  return columns;
}

const char* RankingLoss::name() const {
  switch (config_.kind_case()) {
    case v1::Loss::kSampledSoftmax:
      return "sampled_softmax";
    case v1::Loss::kFullSoftmax:
      return "full_softmax";
    case v1::Loss::kInfoNce:
      return "info_nce";
    case v1::Loss::kBpr:
    case v1::Loss::KIND_NOT_SET:
      break;
  }
  return "bpr";
}

}  // namespace chorale
