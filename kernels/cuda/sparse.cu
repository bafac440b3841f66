// CUDA: sparse times dense.
//
// A row's entries are cut into chunks of LongRows::kChunk; a chunk is summed from zero in CSR
// order, and the chunks' sums are added to zero in ascending order. So the order depends on the
// number of entries alone, and each column is summed for itself, whatever its neighbours.
//
// A group of lanes, four columns a lane (16-byte loads where rows are aligned), takes one run of
// entries: a short row, or a chunk of a long one. Lanes read ids and values of as many entries as
// they are, coalesced, find where the operand's rows stand and hand that round; kDepth rows are
// under way at once. Runs are short (20 to 30 entries on average, at most a chunk), so groups of a
// warp wait little for one another; chunks of long rows are dealt first, and each leaves its sum in
// a slot of its own, which a second kernel adds up. A row that is long but not listed is summed
// chunk by chunk by one group: the same bits.
#include <simt.h>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/each.h"
#include "kernels/cuda/sparse_library.h"

namespace chorale {
namespace {

constexpr int kChunk = LongRows::kChunk;
constexpr int kWarp = 32, kThreads = 128;
constexpr int kColumns = 4;  // of a lane
constexpr int kDepth = 4;    // rows of the operand under way; more would cost warps their registers
static_assert(sizeof(Real) == 4, "four columns are a float4");
static_assert(kChunk % kWarp == 0, "a chunk begins where lanes read new entries");

struct Product {
  CsrView a;
  ConstView x, ghost;
  View y;
  bool add = false;
  Real* slots = nullptr;               // (chunks of long rows, y.cols)
  const LocalIndex* wanted = nullptr;  // the rows to compute, so many; or all rows
  Index n_wanted = 0;
  ConstView marks = {}, ghost_marks = {};  // of the rows to read; or none
};

// Entries to be summed and where to: nowhere if `to` is null. A row has fewer than 2^31, as there
// are no more columns.
struct Run {
  Index begin = 0;
  int count = 0;
  bool add = false;
  Real* to = nullptr;
};

// The runs: all chunks of long rows, then all rows; or the wanted rows.
__device__ Run run_of(const Product& p, Index number) {
  const LongRows& longs = p.a.long_rows;
  if (number < longs.chunks) {
    const Index begin = longs.ends[2 * number];
    return {begin, static_cast<int>(longs.ends[2 * number + 1] - begin), false,
            p.slots + number * p.y.cols};
  }
  Index row = number - longs.chunks;
  if (row >= p.n_wanted) return {};
  if (p.wanted != nullptr) row = p.wanted[row];
  const Index begin = p.a.row_begin[row];
  const auto count = static_cast<int>(p.a.row_begin[row + 1] - begin);
  if (longs.rows > 0 && count > kChunk) return {};  // its chunks are
  return {begin, count, p.add, p.y.row(row)};
}

// The columns of one lane: four neighbours, or four that stand kLanes apart.
template <int kLanes, bool kVector>
struct LaneColumns {
  Index first;
  int count;  // how many there are

  __device__ LaneColumns(int lane, Index panel, Index cols) {
    constexpr Index kStep = kVector ? 1 : kLanes;
    first = panel * kLanes * kColumns + lane * (kVector ? kColumns : 1);
    const Index left = (cols - first + kStep - 1) / kStep;
    count = static_cast<int>(left < 0 ? 0 : left < kColumns ? left : kColumns);
  }

  __device__ void load(const Real* row, Real (&x)[kColumns]) const {
    if constexpr (kVector) {
      if (count == 0) return;
      const float4 four = __ldg(reinterpret_cast<const float4*>(row + first));
      x[0] = four.x, x[1] = four.y, x[2] = four.z, x[3] = four.w;
    } else {
      for (int c = 0; c < kColumns; ++c) {
        if (c < count) x[c] = __ldg(row + first + c * kLanes);
      }
    }
  }

  __device__ void store(const Real (&sum)[kColumns], Real* row, bool add) const {
    if constexpr (kVector) {
      if (count == 0) return;
      auto* place = reinterpret_cast<float4*>(row + first);
      const float4 old = add ? *place : float4{0, 0, 0, 0};
      *place = add ? float4{old.x + sum[0], old.y + sum[1], old.z + sum[2], old.w + sum[3]}
                   : float4{sum[0], sum[1], sum[2], sum[3]};
    } else {
      for (int c = 0; c < kColumns; ++c) {
        Real* place = row + first + c * kLanes;
        if (c < count) *place = add ? *place + sum[c] : sum[c];
      }
    }
  }
};

struct Entry {
  LocalIndex column = 0;
  Real value = 0;
};

__device__ Entry entry_of(const Product& p, const Run& run, int place) {
  if (place >= run.count) return {};
  return {p.a.columns[run.begin + place], p.a.values[run.begin + place]};
}

// The address of a row of the operand, as a number that lanes can hand round; 0 for a row of zeros.
__device__ std::uintptr_t row_of(const Product& p, Index column) {
  const Index n = p.a.n_own;
  if (p.marks.data != nullptr &&
      (column < n ? p.marks(column, 0) : p.ghost_marks(column - n, 0)) == 0) {
    return 0;
  }
  return reinterpret_cast<std::uintptr_t>(column < n ? p.x.row(column) : p.ghost.row(column - n));
}

template <int kLanes, bool kVector>
__global__ void product_kernel(Product p) {
  const int lane = static_cast<int>(threadIdx.x % kLanes);
  const int leader = static_cast<int>(threadIdx.x % kWarp) - lane;  // of the group, in the warp
  const Index group = (static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x) / kLanes;
  const LaneColumns<kLanes, kVector> columns(lane, blockIdx.y, p.y.cols);
  const Run run = run_of(p, group);
  int longest = run.count;  // of the warp, whose groups go on together
  for (int far = kWarp / 2; far >= kLanes; far /= 2) {
    const int other = __shfl_xor_sync(0xffffffffu, longest, far);
    longest = other > longest ? other : longest;
  }
  Real total[kColumns] = {}, sum[kColumns] = {};
  const auto end_chunk = [&] {
    for (int c = 0; c < kColumns; ++c) {
      total[c] += sum[c];
      sum[c] = 0;
    }
  };
  Entry next = entry_of(p, run, lane);  // on its way while the rows before it are summed
  for (int done = 0; done < longest; done += kLanes) {
    const std::uintptr_t my_row = row_of(p, next.column);
    const Real my_value = next.value;
    next = entry_of(p, run, done + kLanes + lane);
    if (done % kChunk == 0) end_chunk();
    for (int k = 0; k < kLanes; k += kDepth) {
      if (done + k >= longest) break;
      Real x[kDepth][kColumns] = {};
      for (int i = 0; i < kDepth; ++i) {
        const std::uintptr_t row = __shfl_sync(0xffffffffu, my_row, leader + k + i);
        if (done + k + i < run.count && row != 0) {
          columns.load(reinterpret_cast<const Real*>(row), x[i]);
        }
      }
      for (int i = 0; i < kDepth; ++i) {
        const Real value = __shfl_sync(0xffffffffu, my_value, leader + k + i);
        if (done + k + i >= run.count) continue;
        for (int c = 0; c < kColumns; ++c) sum[c] = fmaf(value, x[i][c], sum[c]);
      }
    }
  }
  end_chunk();
  if (run.to != nullptr) columns.store(total, run.to, run.add);
}

// What the chunks of a long row left in their slots, added up in ascending order.
__device__ Real sum_of_slots(const Product& p, Index long_row, Index j) {
  constexpr int kUnderWay = 16;
  const Real* slot = p.slots + j;
  Index c = p.a.long_rows.begin[long_row];
  const Index end = p.a.long_rows.begin[long_row + 1];
  Real total = 0;
  for (; c + kUnderWay <= end; c += kUnderWay) {
    Real x[kUnderWay];
    for (int i = 0; i < kUnderWay; ++i) x[i] = slot[(c + i) * p.y.cols];
    for (int i = 0; i < kUnderWay; ++i) total += x[i];
  }
  for (; c < end; ++c) total += slot[c * p.y.cols];
  return total;
}

template <int kLanes, bool kVector>
void launch_product(cuda::Queue& queue, const Product& p) {
  constexpr Index kGroups = kThreads / kLanes, kPanel = kLanes * kColumns;
  const Index runs = p.a.long_rows.chunks + p.n_wanted;
  cuda::launch(queue,
               {.blocks = (runs + kGroups - 1) / kGroups,
                .threads = kThreads,
                .blocks_y = (p.y.cols + kPanel - 1) / kPanel},
               product_kernel<kLanes, kVector>, p);
}

template <bool kVector>
void launch_product(cuda::Queue& queue, const Product& p) {
  if (p.y.cols <= 4 * kColumns) return launch_product<4, kVector>(queue, p);
  if (p.y.cols <= 8 * kColumns) return launch_product<8, kVector>(queue, p);
  if (p.y.cols <= 16 * kColumns) return launch_product<16, kVector>(queue, p);
  launch_product<32, kVector>(queue, p);
}

bool is_aligned(ConstView x) {
  return reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0 && x.stride % kColumns == 0;
}

void launch_product(cuda::Queue& queue, Product p) {
  const LongRows& longs = p.a.long_rows;
  if (longs.chunks > 0) {
    p.slots = queue.scratch_of<Real>(static_cast<std::size_t>(longs.chunks * p.y.cols));
  }
  const bool is_vector = p.y.cols % kColumns == 0 && is_aligned(p.x) && is_aligned(p.y) &&
                         (p.a.n_ghost == 0 || is_aligned(p.ghost));
  if (is_vector) {
    launch_product<true>(queue, p);
  } else {
    launch_product<false>(queue, p);
  }
  cuda::each(queue, longs.rows, p.y.cols, [=] __device__(Index s, Index j) {
    Real& y = p.y(p.a.long_rows.row[s], j);
    const Real sum = sum_of_slots(p, s, j);
    y = p.add ? y + sum : sum;
  });
}

}  // namespace

namespace cuda {

void narrow(Queue& queue, std::span<const Index> from, std::int32_t* to) {
  each(queue, static_cast<Index>(from.size()), 1,
       [=] __device__(Index i, Index) { to[i] = static_cast<std::int32_t>(from[i]); });
}

}  // namespace cuda

void CudaKernels::spmm(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  if (sparse_ != nullptr && sparse_->takes(a, y.cols)) return sparse_->multiply(a, x, false, y);
  launch_product(queue_, {.a = a, .x = x, .ghost = ghost, .y = y, .n_wanted = a.rows});
}

void CudaKernels::spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  if (sparse_ != nullptr && sparse_->takes(a, y.cols)) return sparse_->multiply(a, x, true, y);
  launch_product(queue_, {.a = a, .x = x, .ghost = ghost, .y = y, .add = true, .n_wanted = a.rows});
}

// Long rows among them are summed chunk by chunk by one group: the same bits.
void CudaKernels::spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost,
                            View y) const {
  CsrView without_chunks = a;
  without_chunks.long_rows = {};
  launch_product(queue_, {.a = without_chunks,
                          .x = x,
                          .ghost = ghost,
                          .y = y,
                          .wanted = rows.data(),
                          .n_wanted = static_cast<Index>(rows.size())});
}

void CudaKernels::spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                              ConstView ghost, View y) const {
  launch_product(queue_, {.a = a,
                          .x = x,
                          .ghost = ghost,
                          .y = y,
                          .n_wanted = a.rows,
                          .marks = marks,
                          .ghost_marks = ghost_marks});
}

}  // namespace chorale
