// CUDA: sparse times dense.
//
// A row's entries are cut into chunks of LongRows::kChunk; a chunk is summed from zero in CSR
// order, and the chunks' sums are added to zero in ascending order. So the order depends on the
// number of entries alone, and each column is summed for itself, whatever its neighbours.
//
// A group of lanes, sixteen bytes of a row a lane (four columns, eight of an operand in bf16; one
// load where rows are aligned), takes one run of entries: a short row, or a chunk of a long one.
// Lanes read ids and values of as many entries as they are, coalesced, find where the operand's
// rows stand and hand that round; kDepth rows are under way at once. Runs are short (20 to 30
// entries on average, at most a chunk), so groups of a warp wait little for one another; chunks of
// long rows are dealt first, and each leaves its sum in a slot of its own, which a second kernel
// adds up. A row that is long but not listed is summed chunk by chunk by one group: the same bits.
#include <simt.h>

#include <type_traits>

#include "kernels/cuda/bf16_pair.h"
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/each.h"
#include "kernels/cuda/sparse_library.h"

namespace chorale {
namespace {

constexpr int kChunk = LongRows::kChunk;
constexpr int kWarp = 32, kThreads = 128;
constexpr int kDepth = 4;  // rows of the operand under way; more would cost warps their registers
static_assert(sizeof(Real) == 4, "four columns are a float4");
static_assert(kChunk % kWarp == 0, "a chunk begins where lanes read new entries");

// An operand of Real or of Bf16.
template <class T>
struct Operand;
template <>
struct Operand<Real> {
  using Matrix = ConstView;
};
template <>
struct Operand<Bf16> {
  using Matrix = ConstBf16View;
};

template <class T>
constexpr int kColumns = static_cast<int>(16 / sizeof(T));  // of a lane

template <class T>
struct Product {
  CsrView a;
  typename Operand<T>::Matrix x, ghost;
  View y = {};            // or, without memory:
  Bf16View rounded = {};  // sums in bf16
  Index cols = 0;
  Real scale = 1;
  bool add = false;
  Real* slots = nullptr;               // (chunks of long rows, cols)
  const LocalIndex* wanted = nullptr;  // the rows to compute, so many; or all rows
  Index n_wanted = 0;
  bool is_packed = false;                  // y has the wanted rows only
  ConstView marks = {}, ghost_marks = {};  // of the rows to read; or none
};

// Entries to be summed, for a row of the result or for a slot; for neither, they are none. A row
// has fewer than 2^31, as there are no more columns.
struct Run {
  Index begin = 0;
  int count = 0;
  Index row = -1;
  Real* slot = nullptr;
};

// The runs: all chunks of long rows, then all rows; or the wanted rows.
template <class T>
__device__ Run run_of(const Product<T>& p, Index number) {
  const LongRows& longs = p.a.long_rows;
  if (number < longs.chunks) {
    const Index begin = longs.ends[2 * number];
    return {begin, static_cast<int>(longs.ends[2 * number + 1] - begin), -1,
            p.slots + number * p.cols};
  }
  const Index place = number - longs.chunks;
  if (place >= p.n_wanted) return {};
  const Index row = p.wanted != nullptr ? p.wanted[place] : place;
  const Index begin = p.a.row_begin[row];
  const auto count = static_cast<int>(p.a.row_begin[row + 1] - begin);
  if (longs.rows > 0 && count > kChunk) return {};  // its chunks are
  return {begin, count, p.is_packed ? place : row};
}

// What a lane has loaded of a row: numbers, or pairs of them in bf16.
__device__ inline float column_of(const float (&x)[4], int c) { return x[c]; }
__device__ inline float column_of(const std::uint32_t (&x)[4], int c) {
  return c % 2 == 0 ? cuda::low_bf16(x[c / 2]) : cuda::high_bf16(x[c / 2]);
}

// The columns of one lane: neighbours, or some that stand kLanes apart.
template <class T, int kLanes, bool kVector>
struct LaneColumns {
  static constexpr int kMine = kColumns<T>, kStep = kVector ? 1 : kLanes;
  using Word = std::conditional_t<sizeof(T) == sizeof(Real), Real, std::uint32_t>;
  Index first;
  int count;  // how many there are

  __device__ LaneColumns(int lane, Index panel, Index cols) {
    first = panel * kLanes * kMine + lane * (kVector ? kMine : 1);
    const Index left = (cols - first + kStep - 1) / kStep;
    count = static_cast<int>(left < 0 ? 0 : left < kMine ? left : kMine);
  }

  __device__ void load(const T* row, Word (&x)[4]) const {
    if constexpr (!kVector) {
      for (int c = 0; c < kMine; ++c) {
        if (c >= count) continue;
        if constexpr (sizeof(T) == sizeof(Real)) {
          x[c] = __ldg(row + first + c * kStep);
        } else {
          const std::uint32_t bits = __ldg(&row[first + c * kStep].bits);
          x[c / 2] = c % 2 == 0 ? bits : x[c / 2] | bits << 16;
        }
      }
    } else if (count > 0) {
      using Four = std::conditional_t<sizeof(T) == sizeof(Real), float4, uint4>;
      const Four four = __ldg(reinterpret_cast<const Four*>(row + first));
      x[0] = four.x, x[1] = four.y, x[2] = four.z, x[3] = four.w;
    }
  }

  // row = scale sum, or row += scale sum
  __device__ void store(const Real (&sum)[kMine], Real* row, Real scale, bool add) const {
    const auto with = [&](Real old, Real s) { return add ? fmaf(scale, s, old) : scale * s; };
    if constexpr (kVector) {
      if (count == 0) return;
      for (int c = 0; c < kMine; c += 4) {
        auto* place = reinterpret_cast<float4*>(row + first + c);
        const float4 old = add ? *place : float4{0, 0, 0, 0};
        *place = float4{with(old.x, sum[c]), with(old.y, sum[c + 1]), with(old.z, sum[c + 2]),
                        with(old.w, sum[c + 3])};
      }
    } else {
      for (int c = 0; c < kMine; ++c) {
        Real* place = row + first + c * kStep;
        if (c < count) *place = with(add ? *place : 0, sum[c]);
      }
    }
  }

  __device__ void store_rounded(const Real (&sum)[kMine], Bf16* row) const {
    if constexpr (kVector && kMine == 8) {
      if (count == 0) return;
      *reinterpret_cast<uint4*>(row + first) =
          uint4{cuda::pack_bf16(sum[0], sum[1]), cuda::pack_bf16(sum[2], sum[3]),
                cuda::pack_bf16(sum[4], sum[5]), cuda::pack_bf16(sum[6], sum[7])};
    } else {
      for (int c = 0; c < kMine; ++c) {
        if (c < count) row[first + c * kStep] = cuda::round_to_bf16(sum[c]);
      }
    }
  }
};

struct Entry {
  LocalIndex column = 0;
  Real value = 0;
};

template <class T>
__device__ Entry entry_of(const Product<T>& p, const Run& run, int place) {
  if (place >= run.count) return {};
  return {p.a.columns[run.begin + place], p.a.values[run.begin + place]};
}

// The address of a row of the operand, as a number that lanes can hand round; 0 for a row of zeros.
template <class T>
__device__ std::uintptr_t row_of(const Product<T>& p, Index column) {
  const Index n = p.a.n_own;
  if (p.marks.data != nullptr &&
      (column < n ? p.marks(column, 0) : p.ghost_marks(column - n, 0)) == 0) {
    return 0;
  }
  return reinterpret_cast<std::uintptr_t>(column < n ? p.x.row(column) : p.ghost.row(column - n));
}

template <class T, int kLanes, bool kVector>
__global__ void product_kernel(Product<T> p) {
  using Columns = LaneColumns<T, kLanes, kVector>;
  constexpr int kMine = kColumns<T>;
  const int lane = static_cast<int>(threadIdx.x % kLanes);
  const int leader = static_cast<int>(threadIdx.x % kWarp) - lane;  // of the group, in the warp
  const Index group = (static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x) / kLanes;
  const Columns columns(lane, blockIdx.y, p.cols);
  const Run run = run_of(p, group);
  int longest = run.count;  // of the warp, whose groups go on together
  for (int far = kWarp / 2; far >= kLanes; far /= 2) {
    const int other = __shfl_xor_sync(0xffffffffu, longest, far);
    longest = other > longest ? other : longest;
  }
  Real total[kMine] = {}, sum[kMine] = {};
  const auto end_chunk = [&] {
    for (int c = 0; c < kMine; ++c) {
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
      typename Columns::Word x[kDepth][4] = {};
      for (int i = 0; i < kDepth; ++i) {
        const std::uintptr_t row = __shfl_sync(0xffffffffu, my_row, leader + k + i);
        if (done + k + i < run.count && row != 0) {
          columns.load(reinterpret_cast<const T*>(row), x[i]);
        }
      }
      for (int i = 0; i < kDepth; ++i) {
        const Real value = __shfl_sync(0xffffffffu, my_value, leader + k + i);
        if (done + k + i >= run.count) continue;
        for (int c = 0; c < kMine; ++c) sum[c] = fmaf(value, column_of(x[i], c), sum[c]);
      }
    }
  }
  end_chunk();
  if (run.slot != nullptr) return columns.store(total, run.slot, 1, false);
  if (run.row < 0) return;
  if (p.y.data != nullptr) return columns.store(total, p.y.row(run.row), p.scale, p.add);
  columns.store_rounded(total, p.rounded.row(run.row));
}

// What the chunks of a long row left in their slots, added up in ascending order.
template <class T>
__device__ Real sum_of_slots(const Product<T>& p, Index long_row, Index j) {
  constexpr int kUnderWay = 16;
  const Real* slot = p.slots + j;
  Index c = p.a.long_rows.begin[long_row];
  const Index end = p.a.long_rows.begin[long_row + 1];
  Real total = 0;
  for (; c + kUnderWay <= end; c += kUnderWay) {
    Real x[kUnderWay];
    for (int i = 0; i < kUnderWay; ++i) x[i] = slot[(c + i) * p.cols];
    for (int i = 0; i < kUnderWay; ++i) total += x[i];
  }
  for (; c < end; ++c) total += slot[c * p.cols];
  return total;
}

template <class T, int kLanes, bool kVector>
void launch_product(cuda::Queue& queue, const Product<T>& p) {
  constexpr Index kGroups = kThreads / kLanes, kPanel = kLanes * kColumns<T>;
  const Index runs = p.a.long_rows.chunks + p.n_wanted;
  cuda::launch(queue,
               {.blocks = (runs + kGroups - 1) / kGroups,
                .threads = kThreads,
                .blocks_y = (p.cols + kPanel - 1) / kPanel},
               product_kernel<T, kLanes, kVector>, p);
}

template <bool kVector, class T>
void launch_product(cuda::Queue& queue, const Product<T>& p) {
  if (p.cols <= 4 * kColumns<T>) return launch_product<T, 4, kVector>(queue, p);
  if (p.cols <= 8 * kColumns<T>) return launch_product<T, 8, kVector>(queue, p);
  if (p.cols <= 16 * kColumns<T>) return launch_product<T, 16, kVector>(queue, p);
  launch_product<T, 32, kVector>(queue, p);
}

// Whether every row begins at a multiple of sixteen bytes. A matrix without memory has no rows.
template <class Matrix>
bool is_aligned(const Matrix& x) {
  return reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0 &&
         (x.data == nullptr || x.stride * static_cast<Index>(sizeof(*x.data)) % 16 == 0);
}

template <class T>
void enqueue_product(cuda::Queue& queue, Product<T> p) {
  p.cols = p.x.cols;
  const LongRows& longs = p.a.long_rows;
  if (longs.chunks > 0) {
    p.slots = queue.scratch_of<Real>(static_cast<std::size_t>(longs.chunks * p.cols));
  }
  const bool is_vector = p.cols % kColumns<T> == 0 && is_aligned(p.x) && is_aligned(p.y) &&
                         is_aligned(p.rounded) && (p.a.n_ghost == 0 || is_aligned(p.ghost));
  if (is_vector) {
    launch_product<true>(queue, p);
  } else {
    launch_product<false>(queue, p);
  }
  cuda::each(queue, longs.rows, p.cols, [=] __device__(Index s, Index j) {
    const Index row = p.a.long_rows.row[s];
    const Real sum = sum_of_slots(p, s, j);
    if (p.y.data == nullptr) {
      p.rounded.row(row)[j] = cuda::round_to_bf16(sum);
    } else {
      Real& y = p.y(row, j);
      y = p.add ? fmaf(p.scale, sum, y) : p.scale * sum;
    }
  });
}

// Long rows among those that are listed are summed chunk by chunk by one group: the same bits.
CsrView without_chunks(CsrView a) {
  a.long_rows = {};
  return a;
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
  enqueue_product<Real>(queue_, {.a = a, .x = x, .ghost = ghost, .y = y, .n_wanted = a.rows});
}

void CudaKernels::spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  if (sparse_ != nullptr && sparse_->takes(a, y.cols)) return sparse_->multiply(a, x, true, y);
  enqueue_product<Real>(queue_,
                        {.a = a, .x = x, .ghost = ghost, .y = y, .add = true, .n_wanted = a.rows});
}

void CudaKernels::spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost,
                            View y) const {
  enqueue_product<Real>(queue_, {.a = without_chunks(a),
                                 .x = x,
                                 .ghost = ghost,
                                 .y = y,
                                 .wanted = rows.data(),
                                 .n_wanted = static_cast<Index>(rows.size())});
}

void CudaKernels::spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                              ConstView ghost, View y) const {
  enqueue_product<Real>(queue_, {.a = a,
                                 .x = x,
                                 .ghost = ghost,
                                 .y = y,
                                 .n_wanted = a.rows,
                                 .marks = marks,
                                 .ghost_marks = ghost_marks});
}

void CudaKernels::spmm_bf16(const CsrView& a, const Bf16Product& p) const {
  enqueue_product<Bf16>(queue_, {.a = p.rows ? without_chunks(a) : a,
                                 .x = p.x,
                                 .ghost = p.ghost,
                                 .y = p.y,
                                 .rounded = p.rounded,
                                 .scale = p.scale,
                                 .add = p.add,
                                 .wanted = p.rows ? p.rows->data() : nullptr,
                                 .n_wanted = p.rows ? static_cast<Index>(p.rows->size()) : a.rows,
                                 .is_packed = p.rows.has_value(),
                                 .marks = p.marks,
                                 .ghost_marks = p.ghost_marks});
}

}  // namespace chorale
