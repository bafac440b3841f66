// A stable sort of small integers, in linear time: the order in which contributions to rows are
// summed.
#pragma once

#include <span>
#include <vector>

#include "kernels/view.h"

namespace chorale {

// Writes to `order` the positions of `keys` by ascending key; equal keys stay in the order of their
// positions. Keys lie in [0, limit). Radix sort: its cost is O(n) with one pass a 2048-fold of
// `limit`.
void stable_order(std::span<const LocalIndex> keys, Index limit, std::span<LocalIndex> order);

}  // namespace chorale
