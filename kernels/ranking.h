// The order of a ranking, shared by the backends: score descending, then id ascending.
//
// A NaN score stands above every number, so that it surfaces at the top of the list, where the
// evaluator looks, instead of being lost.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/kernels.h"

namespace chorale {

// Does (score, id) stand before (other, other_id)? An id of -1 marks an unfilled place, which is
// last.
CHORALE_EVERYWHERE inline bool ranks_before(Real score, Index id, Real other, Index other_id) {
  if (id < 0 || other_id < 0) return other_id < 0 && id >= 0;
  const bool is_nan = std::isnan(score), other_is_nan = std::isnan(other);
  if (is_nan != other_is_nan) return is_nan;
  if (is_nan || score == other) return id < other_id;
  return score > other;
}

// Offers one item to a user's list of k places, which stays sorted.
inline void offer(Real score, Index id, Real* scores, Index* ids, Index k) {
  if (k == 0 || !ranks_before(score, id, scores[k - 1], ids[k - 1])) return;
  Index place = k - 1;
  for (; place > 0 && ranks_before(score, id, scores[place - 1], ids[place - 1]); --place) {
    scores[place] = scores[place - 1];
    ids[place] = ids[place - 1];
  }
  scores[place] = score;
  ids[place] = id;
}

}  // namespace chorale
