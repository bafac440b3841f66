// CUDA: sums of rows into rows.
//
// A team of threads (teams.h) takes four adjacent segments and asks for the first entries of all
// four at once, since most segments have one or two. A segment of more than kLong entries is left
// to the whole block, which fetches a tile of rows while it sums the last one from shared memory.
// The runs of four are dealt to blocks in turn: busy rows often stand together. Every column is
// summed by one thread, in the order of the segment.
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/teams.h"

namespace chorale {

using cuda::Four;
using cuda::kThreads;
using cuda::kWarp;

namespace {

constexpr int kRun = 4;      // segments of a team
constexpr Index kLong = 64;  // entries that a team still sums
constexpr int kInFlight = 4;
constexpr int kTile = kInFlight * kThreads;  // fours of shared memory

struct Sums {
  ConstView y;
  const LocalIndex* rows;
  Index count;  // of segments
  const Index* begin;
  const LocalIndex* order;
  View x;
  int size;  // of a team
};

__device__ void add(Four& sum, const Four& v) {
  for (int c = 0; c < 4; ++c) sum.x[c] += v.x[c];
}

// sum += columns j .. j + 3 of the entries [e, end)
template <bool wide>
__device__ void add_entries(const Sums& s, Index e, Index end, int j, Four& sum) {
  for (; e < end; e += kInFlight) {
    Four v[kInFlight] = {};
    LocalIndex from[kInFlight];
    for (int k = 0; k < kInFlight; ++k) from[k] = e + k < end ? s.order[e + k] : -1;
    for (int k = 0; k < kInFlight; ++k) {
      if (from[k] >= 0) {
        v[k] = cuda::load_four<wide>(s.y.row(from[k]), j, static_cast<int>(s.y.cols));
      }
    }
    for (int k = 0; k < kInFlight; ++k) {
      if (from[k] >= 0) add(sum, v[k]);
    }
  }
}

// The short ones of a run; are there long ones?
template <bool wide>
__device__ bool add_short(const Sums& s, Index run, int lane) {
  const int cols = static_cast<int>(s.x.cols);
  Index at[kRun + 1];
  for (int k = 0; k <= kRun; ++k) {
    const Index segment = kRun * run + k;
    at[k] = s.begin[segment < s.count ? segment : s.count];
  }
  bool any_long = false;
  LocalIndex first[kRun], target[kRun];
  for (int k = 0; k < kRun; ++k) {
    const Index length = at[k + 1] - at[k];
    any_long |= length > kLong;
    const bool is_short = length > 0 && length <= kLong;
    first[k] = is_short ? s.order[at[k]] : -1;
    target[k] = is_short ? s.rows[kRun * run + k] : -1;
  }
  for (int j = 4 * lane; j < cols; j += 4 * s.size) {
    Four sum[kRun] = {}, to[kRun] = {};
    for (int k = 0; k < kRun; ++k) {
      if (first[k] >= 0) {
        sum[k] = cuda::load_four<wide>(s.y.row(first[k]), j, cols);
        to[k] = cuda::load_four<wide>(s.x.row(target[k]), j, cols);
      }
    }
    for (int k = 0; k < kRun; ++k) {
      if (first[k] >= 0) {
        add_entries<wide>(s, at[k] + 1, at[k + 1], j, sum[k]);
        add(to[k], sum[k]);
        cuda::store_four<wide>(s.x.row(target[k]), j, cols, to[k]);
      }
    }
  }
  return any_long;
}

// to += the sum of the entries [begin, end), by the whole block. The tile has as many rows as it
// can hold of a panel of up to 64 columns.
template <bool wide>
__device__ void add_long(const Sums& s, Index begin, Index end, Real* to, Four* tile) {
  const int cols = static_cast<int>(s.x.cols), thread = static_cast<int>(threadIdx.x);
  const int fours = s.size < 16 ? s.size : 16;  // of a row of the tile
  const int step = kThreads / fours;
  const Index rows = kTile / fours;
  const auto* numbers = reinterpret_cast<const Real*>(tile);
  for (int panel = 0; panel < cols; panel += 4 * fours) {
    const int j = panel + 4 * (thread % fours);
    LocalIndex next[kInFlight];  // of the tile after the one that is fetched
    Four ahead[kInFlight];
    const auto look = [&](Index first) {
      for (int k = 0; k < kInFlight; ++k) {
        const Index e = first + thread / fours + k * step;
        next[k] = e < end && j < cols ? s.order[e] : -1;
      }
    };
    const auto fetch = [&] {
      for (int k = 0; k < kInFlight; ++k) {
        ahead[k] = {};
        if (next[k] >= 0) ahead[k] = cuda::load_four<wide>(s.y.row(next[k]), j, cols);
      }
    };
    Real sum = 0;
    look(begin);
    fetch();
    look(begin + rows);
    for (Index first = begin; first < end; first += rows) {
      __syncthreads();  // the last tile has been summed
      for (int k = 0; k < kInFlight; ++k) tile[thread + k * kThreads] = ahead[k];
      __syncthreads();
      fetch();
      look(first + 2 * rows);
      const int n = static_cast<int>(end - first < rows ? end - first : rows);
      if (thread < 4 * fours) {
        for (int r = 0; r < n; ++r) sum += numbers[r * 4 * fours + thread];
      }
    }
    if (thread < 4 * fours && panel + thread < cols) to[panel + thread] += sum;
  }
}

template <bool wide>
__global__ void add_segments_kernel(Sums s) {
  __shared__ Four tile[kTile];
  __shared__ unsigned
      teams_left[kThreads / kWarp];  // a bit a thread: it leads a run with long ones
  const int thread = static_cast<int>(threadIdx.x), lane = thread % s.size;
  const auto run_of = [&](int t) {
    return static_cast<Index>(t / s.size) * gridDim.x + blockIdx.x;
  };
  const bool any_long = add_short<wide>(s, run_of(thread), lane);
  const unsigned left = __ballot_sync(cuda::kAllLanes, any_long && lane == 0);
  if (thread % kWarp == 0) teams_left[thread / kWarp] = left;
  __syncthreads();
  for (int warp = 0; warp < kThreads / kWarp; ++warp) {
    for (unsigned bits = teams_left[warp]; bits != 0; bits &= bits - 1) {
      const Index run = run_of(warp * kWarp + __ffs(static_cast<int>(bits)) - 1);
      for (Index segment = kRun * run; segment < kRun * (run + 1) && segment < s.count; ++segment) {
        const Index begin = s.begin[segment], end = s.begin[segment + 1];
        if (end - begin > kLong) add_long<wide>(s, begin, end, s.x.row(s.rows[segment]), tile);
      }
    }
  }
}

}  // namespace

void CudaKernels::add_segments(ConstView y, const Segments& segments, View x) const {
  const auto count = static_cast<Index>(segments.rows.size());
  const int size = cuda::team_size(x.cols);
  const Index segments_of_block = kRun * kThreads / size;
  const Sums sums{y, segments.rows.data(), count, segments.begin, segments.order, x, size};
  const cuda::Shape shape{.blocks = (count + segments_of_block - 1) / segments_of_block,
                          .threads = kThreads};
  const bool wide = cuda::is_wide(x.cols, {x, y});
  cuda::launch(queue_, shape, wide ? add_segments_kernel<true> : add_segments_kernel<false>, sums);
}

}  // namespace chorale
