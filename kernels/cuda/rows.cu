// CUDA: rows.
//
// A row is dealt to a team of threads (teams.h), so that a warp reads whole lines of neighbouring
// rows. Gathering holds four rows a thread in flight, since a table larger than the cache answers
// late; what else a row needs is read again from the first cache, where it still is.
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/each.h"
#include "kernels/cuda/teams.h"
#include "kernels/random.h"

namespace chorale {

using cuda::each_row;
using cuda::Four;
using cuda::is_wide;

namespace {

constexpr Real kSmallestNorm = Real(1e-12), kLargestInverse = Real(1e12);

constexpr int kRowsAtOnce = 4;

template <bool wide>
__global__ void gather_kernel(ConstView x, const LocalIndex* rows, View y, int size) {
  const int lane = static_cast<int>(threadIdx.x) % size, teams = cuda::kThreads / size;
  const int cols = static_cast<int>(y.cols);
  const Index first =
      static_cast<Index>(blockIdx.x) * (kRowsAtOnce * teams) + static_cast<int>(threadIdx.x) / size;
  const Real* from[kRowsAtOnce];
  for (int k = 0; k < kRowsAtOnce; ++k) {  // behind the last row: the last, which is not kept
    const Index i = first + k * teams;
    from[k] = x.row(rows[i < y.rows ? i : y.rows - 1]);
  }
  for (int j = 4 * lane; j < cols; j += 4 * size) {
    Four v[kRowsAtOnce];
    for (int k = 0; k < kRowsAtOnce; ++k) v[k] = cuda::load_four<wide>(from[k], j, cols);
    for (int k = 0; k < kRowsAtOnce; ++k) {
      const Index i = first + k * teams;
      if (i < y.rows) cuda::store_four<wide>(y.row(i), j, cols, v[k]);
    }
  }
}

// What drop_rows multiplies a row by: 0, or 1 / (1 - rate).
__device__ Real kept(const DropoutMask& mask, Index global_row) {
  const RandomBits bits =
      random_bits({Purpose::dropout, mask.seed}, dropout_step(mask.step, mask.op),
                  dropout_index(global_row, 0));
  const bool dropped = bits.word[0] < dropout_threshold(static_cast<double>(mask.rate));
  return dropped ? Real(0) : Real(1) / (Real(1) - mask.rate);
}

// The uniform numbers behind the noise of columns j .. j + 3; zero where there is no column.
__device__ Four noise_of(const Noise& noise, Index global_row, int j, int cols) {
  const RandomBits bits =
      random_bits({Purpose::noise, noise.seed}, dropout_step(noise.step, noise.op),
                  dropout_index(global_row, j / 4));
  Four r = {};
  for (int c = 0; c < 4; ++c) r.x[c] = j + c < cols ? uniform_of_word(bits.word[c]) : Real(0);
  return r;
}

__device__ Real sign(Real x) { return static_cast<Real>((x > 0) - (x < 0)); }

}  // namespace

void CudaKernels::normalize_rows(ConstView x, View y, View inverse) const {
  each_row(queue_, x.rows, x.cols, is_wide(x.cols, {x, y}), [=] __device__(const auto& team) {
    Real squares = 0;
    team.each_four([&](int j) {
      const Four v = team.load(x, j);
      for (Real e : v.x) squares = fmaf(e, e, squares);
    });
    const Real norm = sqrtf(team.sum(squares));
    const Real factor = norm < kSmallestNorm ? kLargestInverse : Real(1) / norm;
    team.each_four([&](int j) {
      Four v = team.load(x, j);
      for (Real& e : v.x) e = factor * e;
      team.store(y, j, v);
    });
    if (team.leads()) inverse(team.row, 0) = factor;
  });
}

void CudaKernels::normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy, View dx) const {
  const bool wide = is_wide(y.cols, {y, dy, dx});
  each_row(queue_, y.rows, y.cols, wide, [=] __device__(const auto& team) {
    Real mine = 0;
    team.each_four([&](int j) {
      const Four value = team.load(y, j), upstream = team.load(dy, j);
      for (int c = 0; c < 4; ++c) mine = fmaf(value.x[c], upstream.x[c], mine);
    });
    const Real along = team.sum(mine), factor = inverse(team.row, 0);
    if (factor >= kLargestInverse) return;
    team.each_four([&](int j) {
      const Four value = team.load(y, j), upstream = team.load(dy, j);
      Four to = team.load(dx, j);
      for (int c = 0; c < 4; ++c) {
        to.x[c] = fmaf(factor, fmaf(-value.x[c], along, upstream.x[c]), to.x[c]);
      }
      team.store(dx, j, to);
    });
  });
}

void CudaKernels::gather_rows(ConstView x, Rows rows, View y) const {
  const int size = cuda::team_size(y.cols);
  const Index rows_of_block = kRowsAtOnce * cuda::kThreads / size;
  const cuda::Shape shape{.blocks = (y.rows + rows_of_block - 1) / rows_of_block,
                          .threads = cuda::kThreads};
  const auto kernel = is_wide(y.cols, {x, y}) ? gather_kernel<true> : gather_kernel<false>;
  cuda::launch(queue_, shape, kernel, x, rows.data(), y, size);
}

void CudaKernels::gather_names(std::span<const Index> names, Rows rows, Index* to) const {
  const Index* from = names.data();
  const LocalIndex* listed = rows.data();
  cuda::each(queue_, static_cast<Index>(rows.size()), 1,
             [=] __device__(Index i, Index) { to[i] = from[listed[i]]; });
}

void CudaKernels::scatter_rows(ConstView x, Rows rows, View y) const {
  const LocalIndex* to = rows.data();
  each_row(queue_, x.rows, x.cols, is_wide(x.cols, {x, y}), [=] __device__(const auto& team) {
    Real* row = y.row(to[team.row]);
    team.each_four([&](int j) { team.store(row, j, team.load(x, j)); });
  });
}

void CudaKernels::row_dots(ConstView x, ConstView y, View out) const {
  each_row(queue_, x.rows, x.cols, is_wide(x.cols, {x, y}), [=] __device__(const auto& team) {
    Real mine = 0;
    team.each_four([&](int j) {
      const Four a = team.load(x, j), b = team.load(y, j);
      for (int c = 0; c < 4; ++c) mine = fmaf(a.x[c], b.x[c], mine);
    });
    const Real sum = team.sum(mine);
    if (team.leads()) out(team.row, 0) = sum;
  });
}

void CudaKernels::add_scaled_rows(ConstView c, ConstView x, View y) const {
  each_row(queue_, y.rows, y.cols, is_wide(y.cols, {x, y}), [=] __device__(const auto& team) {
    const Real factor = c(team.row, 0);
    team.each_four([&](int j) {
      const Four v = team.load(x, j);
      Four to = team.load(y, j);
      for (int k = 0; k < 4; ++k) to.x[k] = fmaf(factor, v.x[k], to.x[k]);
      team.store(y, j, to);
    });
  });
}

void CudaKernels::drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x,
                            View y) const {
  each_row(queue_, y.rows, y.cols, is_wide(y.cols, {x, y}), [=] __device__(const auto& team) {
    const Real factor = kept(mask, global_row[team.row]);
    team.each_four([&](int j) {
      Four v = team.load(x, j);
      for (Real& e : v.x) e = e * factor;
      team.store(y, j, v);
    });
  });
}

void CudaKernels::drop_rows_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                                View y) const {
  each_row(queue_, y.rows, y.cols, is_wide(y.cols, {x, y}), [=] __device__(const auto& team) {
    const Real factor = kept(mask, global_row[team.row]);
    team.each_four([&](int j) {
      const Four v = team.load(x, j);
      Four to = team.load(y, j);
      for (int c = 0; c < 4; ++c) to.x[c] += v.x[c] * factor;
      team.store(y, j, to);
    });
  });
}

void CudaKernels::add_noise(const Noise& noise, const Index* global_row, ConstView x,
                            View y) const {
  each_row(queue_, y.rows, y.cols, is_wide(y.cols, {x, y}), [=] __device__(const auto& team) {
    const Index name = global_row[team.row];
    Four first = {};  // up to 128 columns, the only draw of a thread
    Real squares = 0;
    team.each_four([&](int j) {
      const Four r = noise_of(noise, name, j, team.cols);
      if (j == 4 * team.lane) first = r;
      for (Real e : r.x) squares = fmaf(e, e, squares);
    });
    const Real norm = sqrtf(team.sum(squares));
    const Real factor = noise.length / (norm < kSmallestNorm ? kSmallestNorm : norm);
    team.each_four([&](int j) {
      const Four r = j == 4 * team.lane ? first : noise_of(noise, name, j, team.cols);
      Four v = team.load(x, j);
      for (int c = 0; c < 4; ++c) v.x[c] = v.x[c] + sign(v.x[c]) * (factor * r.x[c]);
      team.store(y, j, v);
    });
  });
}

void CudaKernels::scale_rows_by_norm(Real exponent, ConstView x, View y) const {
  each_row(queue_, y.rows, y.cols, is_wide(y.cols, {x, y}), [=] __device__(const auto& team) {
    double squares = 0;  // of rows that may be tiny
    team.each_four([&](int j) {
      const Four v = team.load(x, j);
      for (Real e : v.x) squares += static_cast<double>(e) * static_cast<double>(e);
    });
    const Real norm = static_cast<Real>(sqrt(team.sum(squares)));
    const Real factor = norm > 0 ? powf(norm, exponent - 1) : Real(0);
    team.each_four([&](int j) {
      Four v = team.load(x, j);
      for (Real& e : v.x) e = factor * e;
      team.store(y, j, v);
    });
  });
}

}  // namespace chorale
