// CUDA: losses.
//
// Rows are dealt to teams of threads (teams.h). A lane's sum is cut into chunks of rows, a block
// each: so many rows as make some four thousand numbers. Threads sum in double, a warp by a
// butterfly, a block in the order of its warps; a second launch sums the chunks of a lane likewise.
// So the order depends on the lane's length and on the number of columns.
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/teams.h"
#include "kernels/scalar.h"

namespace chorale {

using cuda::each_row;
using cuda::Four;
using cuda::is_wide;
using cuda::kThreads;
using cuda::kWarp;

namespace {

constexpr Index kNumbersOfChunk = 4096;
constexpr int kLanes = 128;  // of a launch

struct Lanes {
  Index begin[kLanes + 1];
  Index rows_of_chunk;
};

constexpr Index chunks(Index rows, Index rows_of_chunk) {
  return (rows + rows_of_chunk - 1) / rows_of_chunk;
}

// The sum over a block's threads, in its first thread.
__device__ double sum_of_block(double mine) {
  __shared__ double of_warp[kThreads / kWarp];
  for (int step = kWarp / 2; step > 0; step /= 2) {
    mine += __shfl_xor_sync(cuda::kAllLanes, mine, step);
  }
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = mine;
  __syncthreads();
  double sum = 0;
  if (threadIdx.x == 0) {
    for (double part : of_warp) sum += part;
  }
  return sum;
}

// Block (c, l) sums term(team) over the rows of chunk c of lane l; where no lane has a second
// chunk, that is the value.
template <bool wide, class Term>
__global__ void chunks_kernel(Lanes lanes, int size, int cols, Term term, double factor,
                              double* of_chunk, View value) {
  constexpr Index kWarps = kThreads / kWarp;
  const Index end = lanes.begin[blockIdx.y + 1];
  const Index wanted = lanes.begin[blockIdx.y] + blockIdx.x * lanes.rows_of_chunk;
  const Index first = wanted < end ? wanted : end;
  const Index last = first + lanes.rows_of_chunk < end ? first + lanes.rows_of_chunk : end;
  double mine = 0;
  cuda::for_rows<wide>(first, last, threadIdx.x / kWarp, kWarps, size, cols,
                       [&](const auto& team) { mine += term(team); });
  const double sum = sum_of_block(mine);
  if (threadIdx.x != 0) return;
  if (gridDim.x == 1) {
    value(blockIdx.y, 0) = static_cast<Real>(factor * sum);
  } else {
    of_chunk[static_cast<Index>(blockIdx.y) * gridDim.x + blockIdx.x] = sum;
  }
}

// Block l sums the chunks of lane l, of which there is room for `widest`.
__global__ void lanes_kernel(Lanes lanes, Index widest, double factor, const double* of_chunk,
                             View value) {
  const Index rows = lanes.begin[blockIdx.x + 1] - lanes.begin[blockIdx.x];
  const Index n = chunks(rows, lanes.rows_of_chunk);
  double mine = 0;
  for (Index c = threadIdx.x; c < n; c += kThreads) mine += of_chunk[blockIdx.x * widest + c];
  const double sum = sum_of_block(mine);
  if (threadIdx.x == 0) value(blockIdx.x, 0) = static_cast<Real>(factor * sum);
}

// value[l] = factor times the sum of term(team) over all threads of the teams of lane l's rows.
template <class Term>
void sum_lanes(cuda::Queue& queue, LaneOffsets offsets, Index cols, bool wide, double factor,
               Term term, View value) {
  const int size = cuda::team_size(cols), columns = static_cast<int>(cols);
  for (Index first = 0; first < value.rows; first += kLanes) {
    const Index n = std::min<Index>(kLanes, value.rows - first);
    Lanes lanes{};
    lanes.rows_of_chunk = std::max<Index>(1, kNumbersOfChunk / std::max<Index>(1, cols));
    std::copy_n(offsets.begin() + first, n + 1, lanes.begin);
    Index widest = 1;
    for (Index l = 0; l < n; ++l) {
      const Index rows = lanes.begin[l + 1] - lanes.begin[l];
      widest = std::max(widest, chunks(rows, lanes.rows_of_chunk));
    }
    const View to = value.row_block(first, first + n);
    auto* of_chunk = queue.scratch_of<double>(static_cast<std::size_t>(n * widest));
    const cuda::Shape shape{.blocks = widest, .threads = kThreads, .blocks_y = n};
    const auto kernel = wide ? chunks_kernel<true, Term> : chunks_kernel<false, Term>;
    cuda::launch(queue, shape, kernel, lanes, size, columns, term, factor, of_chunk, to);
    if (widest > 1) {
      cuda::launch(queue, {.blocks = n, .threads = kThreads}, lanes_kernel, lanes, widest, factor,
                   of_chunk, to);
    }
  }
}

}  // namespace

void CudaKernels::bpr(ConstView u, ConstView p, ConstView n, LaneOffsets lanes, View slope,
                      View value) const {
  const auto term = [=] __device__(const auto& team) {
    Real positive = 0, negative = 0;
    team.each_four([&](int j) {
      const Four a = team.load(u, j), b = team.load(p, j), c = team.load(n, j);
      for (int k = 0; k < 4; ++k) {
        positive = fmaf(a.x[k], b.x[k], positive);
        negative = fmaf(a.x[k], c.x[k], negative);
      }
    });
    const Real difference = team.sum(positive) - team.sum(negative);
    if (!team.leads()) return 0.0;
    slope(team.row, 0) = -sigmoid(-difference);
    return static_cast<double>(softplus(-difference));
  };
  sum_lanes(queue_, lanes, u.cols, is_wide(u.cols, {u, p, n}), 1, term, value);
}

void CudaKernels::bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n,
                           View du, View dp, View dn) const {
  const bool wide = is_wide(u.cols, {u, p, n, du, dp, dn});
  each_row(queue_, u.rows, u.cols, wide, [=] __device__(const auto& team) {
    const Real c = a(0, 0) * slope(team.row, 0);
    team.each_four([&](int j) {
      const Four user = team.load(u, j), positive = team.load(p, j), negative = team.load(n, j);
      Four to_user = team.load(du, j), to_positive = team.load(dp, j),
           to_negative = team.load(dn, j);
      for (int k = 0; k < 4; ++k) {
        to_user.x[k] = fmaf(c, positive.x[k] - negative.x[k], to_user.x[k]);
        to_positive.x[k] = fmaf(c, user.x[k], to_positive.x[k]);
        to_negative.x[k] = fmaf(-c, user.x[k], to_negative.x[k]);
      }
      team.store(du, j, to_user);
      team.store(dp, j, to_positive);
      team.store(dn, j, to_negative);
    });
  });
}

void CudaKernels::half_squares(ConstView x, LaneOffsets lanes, View value) const {
  const auto term = [=] __device__(const auto& team) {
    double sum = 0;
    team.each_four([&](int j) {
      const Four v = team.load(x, j);
      for (Real e : v.x) sum = fma(static_cast<double>(e), static_cast<double>(e), sum);
    });
    return sum;
  };
  sum_lanes(queue_, lanes, x.cols, is_wide(x.cols, {x}), 0.5, term, value);
}

void CudaKernels::lane_totals(ConstView x, LaneOffsets lanes, View value) const {
  const auto term = [=] __device__(const auto& team) {
    double sum = 0;
    team.each_four([&](int j) {
      const Four v = team.load(x, j);
      for (Real e : v.x) sum += static_cast<double>(e);
    });
    return sum;
  };
  sum_lanes(queue_, lanes, x.cols, is_wide(x.cols, {x}), 1, term, value);
}

void CudaKernels::transr(ConstView h, ConstView r, ConstView t, ConstView n, LaneOffsets lanes,
                         View slope, View value) const {
  const auto term = [=] __device__(const auto& team) {
    double positive = 0, negative = 0;
    team.each_four([&](int j) {
      const Four head = team.load(h, j), relation = team.load(r, j);
      const Four tail = team.load(t, j), wrong = team.load(n, j);
      for (int k = 0; k < 4; ++k) {
        const Real from = head.x[k] + relation.x[k];
        const auto right = static_cast<double>(from - tail.x[k]);
        const auto other = static_cast<double>(from - wrong.x[k]);
        positive = fma(right, right, positive);
        negative = fma(other, other, negative);
      }
    });
    const auto difference = static_cast<Real>(team.sum(positive) - team.sum(negative));
    if (!team.leads()) return 0.0;
    slope(team.row, 0) = sigmoid(difference);
    return static_cast<double>(softplus(difference));
  };
  sum_lanes(queue_, lanes, h.cols, is_wide(h.cols, {h, r, t, n}), 1, term, value);
}

void CudaKernels::transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t,
                              ConstView n, View dh, View dr, View dt, View dn) const {
  const bool wide = is_wide(h.cols, {h, r, t, n, dh, dr, dt, dn});
  each_row(queue_, h.rows, h.cols, wide, [=] __device__(const auto& team) {
    const Real c = 2 * a(0, 0) * slope(team.row, 0);
    team.each_four([&](int j) {
      const Four head = team.load(h, j), relation = team.load(r, j);
      const Four tail = team.load(t, j), wrong = team.load(n, j);
      Four to_head = team.load(dh, j), to_relation = team.load(dr, j);
      Four to_tail = team.load(dt, j), to_wrong = team.load(dn, j);
      for (int k = 0; k < 4; ++k) {
        const Real from = head.x[k] + relation.x[k], apart = wrong.x[k] - tail.x[k];
        to_head.x[k] = fmaf(c, apart, to_head.x[k]);
        to_relation.x[k] = fmaf(c, apart, to_relation.x[k]);
        to_tail.x[k] = fmaf(-c, from - tail.x[k], to_tail.x[k]);
        to_wrong.x[k] = fmaf(c, from - wrong.x[k], to_wrong.x[k]);
      }
      team.store(dh, j, to_head);
      team.store(dr, j, to_relation);
      team.store(dt, j, to_tail);
      team.store(dn, j, to_wrong);
    });
  });
}

}  // namespace chorale
