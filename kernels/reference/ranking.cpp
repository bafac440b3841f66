// Reference: the best k items of each user.
#include "kernels/ranking.h"

#include <cmath>

#include "kernels/reference/reference_kernels.h"

namespace chorale {

void ReferenceKernels::update_top_k(ConstView users, ConstView items, const Index* item_ids,
                                    const Masked& masked, TopK best) const {
  for (Index i = 0; i < users.rows; ++i) {
    Index next_masked = masked.begin[i];
    for (Index c = 0; c < items.rows; ++c) {
      if (next_masked < masked.begin[i + 1] && masked.items[next_masked] == c) {
        ++next_masked;
        continue;
      }
      Real score = 0;
      for (Index j = 0; j < users.cols; ++j) score = std::fma(users(i, j), items(c, j), score);
      offer(score, item_ids[c], best.scores + i * best.k, best.ids + i * best.k, best.k);
    }
  }
}

}  // namespace chorale
