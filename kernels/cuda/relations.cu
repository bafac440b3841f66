// CUDA: the kernels of knowledge graphs.
//
// A pair of rows is dealt to a team of threads (teams.h). A row of a sparse pattern is a warp's,
// and if it has more than kLong entries its block's: rows are dealt to blocks in turn, since busy
// ones often stand together. A softmax reads its row three times, the later times from the first
// cache.
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/teams.h"

namespace chorale {

using cuda::each_row;
using cuda::Four;
using cuda::kThreads;
using cuda::kWarp;

namespace {

constexpr int kWarps = kThreads / kWarp;
constexpr Index kLong = 512;

__device__ Real larger(Real a, Real b) { return a < b ? b : a; }

// Threads of one warp.
struct WarpCrew {
  static constexpr int size = kWarp;
  int member = static_cast<int>(threadIdx.x % kWarp);

  template <class T, class Join>
  __device__ T all(T mine, Join join) const {
    for (int step = kWarp / 2; step > 0; step /= 2) {
      mine = join(mine, __shfl_xor_sync(cuda::kAllLanes, mine, step));
    }
    return mine;
  }
};

// Threads of one block; the warps' results are joined in their order.
struct BlockCrew {
  static constexpr int size = kThreads;
  double* of_warp;  // (kWarps) shared
  int member = static_cast<int>(threadIdx.x);

  template <class T, class Join>
  __device__ T all(T mine, Join join) const {
    mine = WarpCrew().all(mine, join);
    __syncthreads();  // what was there has been read
    if (member % kWarp == 0) of_warp[member / kWarp] = static_cast<double>(mine);
    __syncthreads();
    T joined = static_cast<T>(of_warp[0]);
    for (int w = 1; w < kWarps; ++w) joined = join(joined, static_cast<T>(of_warp[w]));
    return joined;
  }
};

// The entries [begin, end), at least one.
template <class Crew>
__device__ void softmax(const Crew& crew, Index begin, Index end, const ConstView& x,
                        const View& y) {
  const Index first = begin + crew.member;
  Real largest = x(begin, 0);
  for (Index e = first; e < end; e += Crew::size) largest = larger(largest, x(e, 0));
  largest = crew.all(largest, [](Real a, Real b) { return larger(a, b); });
  double sum = 0;
  for (Index e = first; e < end; e += Crew::size) {
    sum += static_cast<double>(expf(x(e, 0) - largest));
  }
  sum = crew.all(sum, [](double a, double b) { return a + b; });
  for (Index e = first; e < end; e += Crew::size) {
    y(e, 0) = static_cast<Real>(static_cast<double>(expf(x(e, 0) - largest)) / sum);
  }
}

__global__ void segment_softmax_kernel(const Index* row_begin, Index rows, ConstView x, View y) {
  __shared__ bool is_long[kWarps];
  __shared__ double of_warp[kWarps];
  const auto begin_of = [&](int warp, Index next) {
    const Index row = static_cast<Index>(warp) * gridDim.x + blockIdx.x;
    return row_begin[row < rows ? row + next : rows];
  };
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const Index begin = begin_of(warp, 0), end = begin_of(warp, 1);
  if (begin < end && end - begin <= kLong) softmax(WarpCrew(), begin, end, x, y);
  if (threadIdx.x % kWarp == 0) is_long[warp] = end - begin > kLong;
  __syncthreads();
  for (int w = 0; w < kWarps; ++w) {
    if (is_long[w]) softmax(BlockCrew{of_warp}, begin_of(w, 0), begin_of(w, 1), x, y);
  }
}

}  // namespace

void CudaKernels::dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y) const {
  const LocalIndex *first = pairs.first.data(), *second = pairs.second.data();
  const LocalIndex* place = pairs.place.data();
  const auto n = static_cast<Index>(pairs.place.size());
  each_row(queue_, n, x.cols, cuda::is_wide(x.cols, {x, z}), [=] __device__(const auto& team) {
    const Real *left = x.row(first[team.row]), *right = z.row(second[team.row]);
    Real mine = 0;
    team.each_four([&](int j) {
      const Four a = team.load(left, j), b = team.load(right, j);
      for (int c = 0; c < 4; ++c) mine = fmaf(a.x[c], b.x[c], mine);
    });
    const Real sum = team.sum(mine);
    if (team.leads()) y(place[team.row], 0) = sum;
  });
}

void CudaKernels::segment_softmax(std::span<const Index> row_begin, ConstView x, View y) const {
  if (row_begin.empty()) return;
  const Index rows = static_cast<Index>(row_begin.size()) - 1;
  const cuda::Shape shape{.blocks = (rows + kWarps - 1) / kWarps, .threads = kThreads};
  cuda::launch(queue_, shape, segment_softmax_kernel, row_begin.data(), rows, x, y);
}

}  // namespace chorale
