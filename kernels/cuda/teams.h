// Rows dealt to threads: a team of neighbouring threads of a warp shares a row, four columns a
// thread.
//
// A team is the smallest power of two of threads that covers the columns by fours, at most a warp.
// So which thread sums what, and in which order, follows from the number of columns alone. Where
// addresses allow it, four columns are one access of sixteen bytes; the bits are the same without.
#pragma once

#include <simt.h>

#include <algorithm>
#include <initializer_list>

namespace chorale::cuda {

constexpr int kWarp = 32;
constexpr int kThreads = 256;  // of a block
constexpr unsigned kAllLanes = 0xffffffffu;

struct alignas(16) Four {
  Real x[4];
};

inline int team_size(Index cols) {
  int size = 1;
  while (size < kWarp && 4 * size < cols) size *= 2;
  return size;
}

// May four columns of these be read and written at once?
inline bool is_wide(Index cols, std::initializer_list<ConstView> views) {
  return cols % 4 == 0 && std::all_of(views.begin(), views.end(), [](const ConstView& x) {
           return reinterpret_cast<std::uintptr_t>(x.data) % sizeof(Four) == 0 && x.stride % 4 == 0;
         });
}

// Columns j .. j + 3 of a row of `cols`; zero where there is none.
template <bool wide>
__device__ inline Four load_four(const Real* row, int j, int cols) {
  if constexpr (wide) {
    return *reinterpret_cast<const Four*>(row + j);
  } else {
    Four v = {};
    for (int c = 0; c < 4; ++c) {
      if (j + c < cols) v.x[c] = row[j + c];
    }
    return v;
  }
}

template <bool wide>
__device__ inline void store_four(Real* row, int j, int cols, const Four& v) {
  if constexpr (wide) {
    *reinterpret_cast<Four*>(row + j) = v;
  } else {
    for (int c = 0; c < 4; ++c) {
      if (j + c < cols) row[j + c] = v.x[c];
    }
  }
}

// A thread's place in a team. A team without a row has no columns, takes part in sums, may read
// what belongs to `row` and leads nothing.
template <bool wide>
struct Team {
  Index row;
  int cols;  // 0: no row
  int lane;  // of the team's threads
  int size;

  // The one thread that writes a number of the row.
  __device__ bool leads() const { return lane == 0 && cols > 0; }

  // visit(j) for the columns j .. j + 3 of this thread, ascending.
  template <class Visit>
  __device__ void each_four(Visit visit) const {
    for (int j = 4 * lane; j < cols; j += 4 * size) visit(j);
  }
  __device__ Four load(const Real* from, int j) const { return load_four<wide>(from, j, cols); }
  __device__ Four load(const ConstView& x, int j) const { return load(x.row(row), j); }
  __device__ void store(Real* to, int j, const Four& v) const { store_four<wide>(to, j, cols, v); }
  __device__ void store(const View& y, int j, const Four& v) const { store(y.row(row), j, v); }

  // The sum over the team's threads, the same bits for all of them.
  template <class T>
  __device__ T sum(T mine) const {
    for (int step = size / 2; step > 0; step /= 2) mine += __shfl_xor_sync(kAllLanes, mine, step);
    return mine;
  }
  // What the leader brings.
  template <class T>
  __device__ T of_leader(T mine) const {
    const int first = static_cast<int>(threadIdx.x % kWarp) & ~(size - 1);
    return __shfl_sync(kAllLanes, mine, first);
  }
};

// visit(team) for the rows [first, last), dealt to warps; all threads of a warp go round together.
template <bool wide, class Visit>
__device__ inline void for_rows(Index first, Index last, Index warp, Index warps, int size,
                                int cols, Visit visit) {
  const int lane = static_cast<int>(threadIdx.x % kWarp);
  const Index rows_of_warp = kWarp / size;
  for (Index at = first + warp * rows_of_warp; at < last; at += warps * rows_of_warp) {
    const Index row = at + lane / size;
    visit(Team<wide>{row < last ? row : last - 1, row < last ? cols : 0, lane % size, size});
  }
}

template <bool wide, class F>
__global__ void each_row_kernel(Index rows, int size, int cols, F f) {
  constexpr Index kWarps = kThreads / kWarp;
  const Index warp = static_cast<Index>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  for_rows<wide>(0, rows, warp, static_cast<Index>(gridDim.x) * kWarps, size, cols, f);
}

// f(team) for every row, `wide` as is_wide says. Blocks are many and short, so that the device
// balances them; beyond a device full of them a block takes a second round.
template <class F>
void each_row(Queue& queue, Index rows, Index cols, bool wide, F f) {
  constexpr Index kBlocksOfAProcessor = 8;
  const int size = team_size(cols), columns = static_cast<int>(cols);
  const Index at_once = kThreads / size, needed = (rows + at_once - 1) / at_once;
  const Index rounds = needed > kBlocksOfAProcessor * queue.processors() ? 2 : 1;
  const Shape shape{.blocks = (needed + rounds - 1) / rounds, .threads = kThreads};
  if (wide) {
    launch(queue, shape, each_row_kernel<true, F>, rows, size, columns, f);
  } else {
    launch(queue, shape, each_row_kernel<false, F>, rows, size, columns, f);
  }
}

}  // namespace chorale::cuda
