// CUDA: the best k items of each user, in two kernels. The first computes the scores of tiles of
// (128 users, 64 items) as gemm does and notes those that are not below the user's worst kept
// score; in the second a warp merges what was noted for a user into its list. Rankings are total
// orders, so that neither how the work is cut nor the order of what is noted can be seen in a list.
//
// There is room to note every score, and once a list is full few are noted. Blocks of users and
// items are cut so that this room stays small.
#include "kernels/ranking.h"

#include <algorithm>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/tile.h"

namespace chorale {

using cuda::Operand;

namespace {

constexpr int kItems = 64;        // of a tile
constexpr Index kRoom = 1 << 24;  // scores noted at most: 128 MiB
constexpr int kWarp = 32;
constexpr unsigned kWholeWarp = 0xffffffffu;

// What was noted of a block of users and a block of items.
struct Noted {
  Index tiles;  // of items
  Real* scores;
  int* items;   // (users, tiles, kItems) each: numbers within the block of items
  int* counts;  // (users, tiles)
};

__global__ void __launch_bounds__(cuda::kTileThreads, 4)
    score_kernel(Operand users, Operand items, TopK best, Noted noted, Index tiles_of_block) {
  constexpr int kColumns = kItems / 8;
  using Place = cuda::TilePlace<kColumns>;
  __shared__ cuda::TileMemory<kColumns> memory;
  __shared__ Real worst[cuda::kTileRows];
  const Place place;
  const Index first_user = static_cast<Index>(blockIdx.x) * cuda::kTileRows;
  const Index first_tile = static_cast<Index>(blockIdx.y) * tiles_of_block;
  const Index rest = noted.tiles - first_tile;
  const Index last_tile = first_tile + (rest < tiles_of_block ? rest : tiles_of_block);
  const int thread = static_cast<int>(threadIdx.x);
  if (first_user + thread < best.users) {
    worst[thread] = best.scores[(first_user + thread + 1) * best.k - 1];
  }
  for (Index tile = first_tile; tile < last_tile; ++tile) {
    float score[8][kColumns];
    const Index first_item = tile * kItems;
    __syncthreads();  // the tile before this one is out of use
    cuda::multiply<kColumns, true>({users, items, first_user, best.users, first_item}, memory,
                                   score);
    for (int r = 0; r < 8; ++r) {
      const Index user = first_user + place.row(r);
      const bool exists = user < best.users;
      const Real below = exists ? worst[place.row(r)] : Real(0);
      const Index at = user * noted.tiles + tile;
      unsigned wanted = 0;  // columns, as bits; a score or a bound that is not a number counts
      for (int c = 0; c < kColumns; ++c) {
        const bool is_item = first_item + place.column(c / 4) + c % 4 < items.x.rows;
        wanted |= exists && is_item && !(score[r][c] < below) ? 1u << c : 0u;
      }
      int count = 0;
      if (__ballot_sync(kWholeWarp, wanted != 0) != 0) {
        for (int c = 0; c < kColumns; ++c) {
          // The eight threads of a row are neighbours.
          const bool mine = (wanted >> c & 1) != 0;
          const unsigned row = __ballot_sync(kWholeWarp, mine) >> place.group % 4 * 8 & 0xff;
          if (mine) {
            const Index to = at * kItems + count + __popc(row & ((1u << place.lane) - 1));
            noted.scores[to] = score[r][c];
            noted.items[to] = static_cast<int>(first_item) + place.column(c / 4) + c % 4;
          }
          count += __popc(row);
        }
      }
      if (exists && place.lane == 0) noted.counts[at] = count;
    }
  }
}

// How many elements of an ascending list of n there are before the first for which `holds`.
template <class Holds>
__device__ Index find_first(Index n, Holds holds) {
  Index low = 0;
  while (n > 0) {
    const Index half = n / 2;
    if (holds(low + half)) {
      n = half;
    } else {
      low += half + 1;
      n -= half + 1;
    }
  }
  return low;
}

// Candidates of one user on their way into its list.
struct Candidates {
  static constexpr int kMost = 2 * kWarp;
  Real scores[kMost];
  Index ids[kMost];
};

__device__ void sort(Candidates& c, int n, int lane) {
  Real scores[2];
  Index ids[2];
  int places[2] = {0, 0};
  for (int t = 0; t < 2; ++t) {
    const int at = lane + t * kWarp;
    scores[t] = at < n ? c.scores[at] : Real(0);
    ids[t] = at < n ? c.ids[at] : -1;
  }
  for (int other = 0; other < n; ++other) {
    for (int t = 0; t < 2; ++t) {
      places[t] += ranks_before(c.scores[other], c.ids[other], scores[t], ids[t]) ? 1 : 0;
    }
  }
  __syncwarp();
  for (int t = 0; t < 2; ++t) {
    if (lane + t * kWarp >= n) continue;
    c.scores[places[t]] = scores[t];
    c.ids[places[t]] = ids[t];
  }
  __syncwarp();
}

// Merges n candidates into a list of k places. What is in the list moves down, from its end on, by
// as many places as there are candidates before it.
__device__ void merge(Candidates& c, int n, Real* scores, Index* ids, Index k, int lane) {
  sort(c, n, lane);
  Index places[2];
  for (int t = 0; t < 2; ++t) {
    const int at = lane + t * kWarp;
    places[t] = at >= n ? k : at + find_first(k, [&](Index j) {
                                return ranks_before(c.scores[at], c.ids[at], scores[j], ids[j]);
                              });
  }
  bool moves = true;
  for (Index first = (k - 1) / kWarp * kWarp; first >= 0 && moves; first -= kWarp) {
    const Index j = first + lane;
    const Real score = j < k ? scores[j] : Real(0);
    const Index id = j < k ? ids[j] : -1;
    const Index before =
        find_first(n, [&](Index at) { return !ranks_before(c.scores[at], c.ids[at], score, id); });
    moves = __ballot_sync(kWholeWarp, before != 0) != 0;  // also: all have read
    if (before != 0 && j + before < k) {
      scores[j + before] = score;
      ids[j + before] = id;
    }
    __syncwarp();
  }
  for (int t = 0; t < 2; ++t) {
    if (places[t] >= k) continue;
    scores[places[t]] = c.scores[lane + t * kWarp];
    ids[places[t]] = c.ids[lane + t * kWarp];
  }
  __syncwarp();
}

constexpr int kMergers = 8;  // warps of a block, a user each

// Lanes take tiles: each looks at what was noted in its own, one by one.
__global__ void __launch_bounds__(kMergers* kWarp)
    merge_kernel(Noted noted, const Index* item_ids, Masked masked, LocalIndex first_item,
                 TopK best) {
  __shared__ Candidates all[kMergers];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const Index user = static_cast<Index>(blockIdx.x) * kMergers + warp;
  if (user >= best.users) return;  // a whole warp, and the block does not meet again
  Candidates& candidates = all[warp];
  Real* const scores = best.scores + user * best.k;
  Index* const ids = best.ids + user * best.k;
  const Index first_masked = masked.begin[user];
  const Index n_masked = masked.begin[user + 1] - first_masked;
  const auto is_masked = [&](LocalIndex item) {
    const LocalIndex* const list = masked.items + first_masked;
    const Index at = find_first(n_masked, [&](Index i) { return list[i] >= item; });
    return at < n_masked && list[at] == item;
  };

  int n = 0;
  Real worst = scores[best.k - 1];
  Index worst_id = ids[best.k - 1];
  const auto empty = [&] {
    __syncwarp();  // the candidates are there
    merge(candidates, n, scores, ids, best.k, lane);
    n = 0;
    worst = scores[best.k - 1];
    worst_id = ids[best.k - 1];
  };
  for (Index first = 0; first < noted.tiles; first += kWarp) {
    const Index at = user * noted.tiles + first + lane;
    const int count = first + lane < noted.tiles ? noted.counts[at] : 0;
    for (int i = 0; __ballot_sync(kWholeWarp, i < count) != 0; ++i) {
      Real score = 0;
      Index id = -1;
      bool enters = false;
      if (i < count) {
        score = noted.scores[at * kItems + i];
        const int item = noted.items[at * kItems + i];
        id = item_ids[item];
        enters = ranks_before(score, id, worst, worst_id) && !is_masked(first_item + item);
      }
      const unsigned entering = __ballot_sync(kWholeWarp, enters);
      if (n + __popc(entering) > Candidates::kMost) empty();
      if (enters) {
        const int to = n + __popc(entering & ((1u << lane) - 1));
        candidates.scores[to] = score;
        candidates.ids[to] = id;
      }
      n += __popc(entering);
    }
  }
  if (n > 0) empty();
}

Index ratio_up(Index a, Index b) { return (a + b - 1) / b; }

// Rows [first, last) of the users and their lists, all of them against one block of items.
void rank_block(cuda::Queue& queue, ConstView users, ConstView items, const Index* item_ids,
                const Masked& masked, Index first_item, TopK best) {
  const Index tiles = ratio_up(items.rows, kItems),
              user_blocks = ratio_up(users.rows, cuda::kTileRows);
  const auto room = static_cast<std::size_t>(users.rows * tiles * kItems);
  const auto counts = static_cast<std::size_t>(users.rows * tiles);
  auto* const memory = static_cast<std::byte*>(
      queue.scratch(room * (sizeof(Real) + sizeof(int)) + counts * sizeof(int)));
  auto* const noted_items = reinterpret_cast<int*>(memory + room * sizeof(Real));
  const Noted noted{tiles, reinterpret_cast<Real*>(memory), noted_items, noted_items + room};
  // About four blocks a processor, of as many tiles each as that leaves.
  const Index blocks = std::max<Index>(4 * queue.processors() / user_blocks, 1);
  const Index tiles_of_block = ratio_up(tiles, std::min(blocks, tiles));
  cuda::launch(queue,
               {.blocks = user_blocks,
                .threads = cuda::kTileThreads,
                .blocks_y = ratio_up(tiles, tiles_of_block)},
               score_kernel, Operand(users), Operand(items), best, noted, tiles_of_block);
  cuda::launch(queue, {.blocks = ratio_up(users.rows, kMergers), .threads = kMergers * kWarp},
               merge_kernel, noted, item_ids, masked, static_cast<LocalIndex>(first_item), best);
}

}  // namespace

void CudaKernels::update_top_k(ConstView users, ConstView items, const Index* item_ids,
                               const Masked& masked, TopK best) const {
  constexpr Index kMostItems = 4096;
  if (best.k == 0) return;
  for (Index item = 0; item < items.rows; item += kMostItems) {
    const Index last_item = std::min(item + kMostItems, items.rows);
    const Index at_once = kRoom / (ratio_up(last_item - item, kItems) * kItems);
    for (Index user = 0; user < users.rows; user += at_once) {
      const Index last = std::min(user + at_once, users.rows);
      rank_block(queue_, users.row_block(user, last), items.row_block(item, last_item),
                 item_ids + item, {masked.begin + user, masked.items}, item,
                 {last - user, best.k, best.scores + user * best.k, best.ids + user * best.k});
    }
  }
}

}  // namespace chorale
