// Vector code: the best k items of each user. Scores of a tile of users and items stay in registers
// and are compared there with each user's worst kept score; only tiles with a candidate are looked
// at one by one.
//
// Every score is the chain of fused steps over ascending columns of the reference, so lists are
// equal to the bit.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_ranking.cpp"
#include <algorithm>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"
#include "kernels/ranking.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
#include "kernels/cpu/simd_tile.inl"
namespace chorale::simd::HWY_NAMESPACE {

constexpr Index kRankDepth =
    1024;  // columns of a packed panel; longer vectors continue from memory

struct Ranking {
  const Index* item_ids;
  const Masked& masked;
  TopK best;
};

// Offers the scores of items [first, first + count) of the block to one user.
void offer_row(const Ranking& r, Index user, Index first, Index count, const Real* scores) {
  Real* kept = r.best.scores + user * r.best.k;
  Index* ids = r.best.ids + user * r.best.k;
  const LocalIndex* end = r.masked.items + r.masked.begin[user + 1];
  const LocalIndex* next = r.masked.items + r.masked.begin[user];
  next = std::lower_bound(next, end, static_cast<LocalIndex>(first));
  for (Index c = 0; c < count; ++c) {
    if (next != end && *next == first + c) {
      ++next;
      continue;
    }
    if (!(scores[c] < kept[r.best.k - 1]))
      offer(scores[c], r.item_ids[first + c], kept, ids, r.best.k);
  }
}

// Looks at the finished scores of a tile. A NaN, of score or of threshold, counts as a candidate.
template <int kRows>
HWY_INLINE void filter_tile(const Ranking& r, const Vec (&sum)[kRows][kTileVectors], Index user,
                            Index first, Index count) {
  const Tag d;
  const Index lanes = lanes_of_tag(), k = r.best.k;
  for (int u = 0; u < kRows; ++u) {
    const Vec threshold = hn::Set(d, r.best.scores[(user + u) * k + k - 1]);
    auto below = hn::Lt(sum[u][0], threshold);
    for (int c = 1; c < kTileVectors; ++c) below = hn::And(below, hn::Lt(sum[u][c], threshold));
    if (hn::AllTrue(d, below)) continue;
    alignas(64) Real scores[kTileCols];
    for (int c = 0; c < kTileVectors; ++c) hn::Store(sum[u][c], d, scores + c * lanes);
    offer_row(r, user + u, first, count, scores);
  }
}

// All users against one panel of items, for vectors of at most kRankDepth columns.
void rank_panel(const Ranking& r, ConstView users, const Real* panel, Index first, Index count) {
  each_tile(users.rows, [&](auto size, Index i) HWY_ATTR {
    Vec sum[decltype(size)::rows][kTileVectors];
    clear(sum);
    accumulate({users.row(i), users.stride, 1}, panel, users.cols, sum);
    filter_tile(r, sum, i, first, count);
  });
}

// The same for longer vectors: a tile packs and continues its chains block by block.
void rank_deep(const Ranking& r, ConstView users, ConstView items, Real* panel, Index first,
               Index count) {
  each_tile(users.rows, [&](auto size, Index i) HWY_ATTR {
    Vec sum[decltype(size)::rows][kTileVectors];
    clear(sum);
    for (Index t = 0; t < users.cols; t += kRankDepth) {
      const Index depth = std::min(kRankDepth, users.cols - t);
      pack_transposed(items, first, depth, t, panel);
      accumulate({users.row(i) + t, users.stride, 1}, panel, depth, sum);
    }
    filter_tile(r, sum, i, first, count);
  });
}

bool update_top_k_impl(ConstView users, ConstView items, const Index* item_ids,
                       const Masked& masked, TopK best) {
  constexpr bool fuses = HWY_NATIVE_FMA;
  if (!fuses) return false;
  if (best.k == 0) return true;
  const Ranking r{item_ids, masked, best};
  alignas(64) Real panel[kRankDepth * kTileCols];
  for (Index first = 0; first < items.rows; first += kTileCols) {
    const Index count = std::min<Index>(kTileCols, items.rows - first);
    if (users.cols <= kRankDepth) {
      pack_transposed(items, first, users.cols, 0, panel);
      rank_panel(r, users, panel, first, count);
    } else {
      rank_deep(r, users, items, panel, first, count);
    }
  }
  return true;
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(update_top_k_impl);

bool update_top_k(ConstView users, ConstView items, const Index* item_ids, const Masked& masked,
                  TopK best) {
  return HWY_DYNAMIC_DISPATCH(update_top_k_impl)(users, items, item_ids, masked, best);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE
