// CUDA: optimizers. A row is dealt to a team of threads (teams.h); every number is read and written
// once, in one pass, since these kernels do little else than move memory. Row-wise Adagrad reads
// its rows twice, the second time from the first cache.
#include "kernels/adam_step.h"
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/teams.h"

namespace chorale {

using cuda::each_row;
using cuda::Four;
using cuda::is_wide;

namespace {

// What decay leaves of a weight.
Real kept(const UpdateOptions& o) { return Real(1) - o.rate * o.decay; }

__device__ Index target(const LocalIndex* rows, Index i) {
  return rows == nullptr ? i : static_cast<Index>(rows[i]);
}

// No rows listed: all.
const LocalIndex* listed(Rows rows) { return rows.empty() ? nullptr : rows.data(); }

}  // namespace

void CudaKernels::sgd(const UpdateOptions& o, ConstView g, Rows rows, View w) const {
  const LocalIndex* list = listed(rows);
  const Real rate = o.rate, l2 = o.l2, decayed = kept(o);
  each_row(queue_, g.rows, g.cols, is_wide(g.cols, {g, w}), [=] __device__(const auto& team) {
    Real* weights = w.row(target(list, team.row));
    team.each_four([&](int j) {
      const Four gradient = team.load(g, j);
      Four weight = team.load(weights, j);
      for (int k = 0; k < 4; ++k) {
        const Real slope = fmaf(l2, weight.x[k], gradient.x[k]);
        weight.x[k] = fmaf(-rate, slope, weight.x[k] * decayed);
      }
      team.store(weights, j, weight);
    });
  });
}

void CudaKernels::adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s) const {
  const LocalIndex* list = listed(rows);
  const Real rate = o.rate, l2 = o.l2, epsilon = o.epsilon, decayed = kept(o);
  each_row(queue_, g.rows, g.cols, is_wide(g.cols, {g, w, s}), [=] __device__(const auto& team) {
    const Index at = target(list, team.row);
    team.each_four([&](int j) {
      const Four gradient = team.load(g, j);
      Four weight = team.load(w.row(at), j), squares = team.load(s.row(at), j);
      for (int k = 0; k < 4; ++k) {
        const Real slope = fmaf(l2, weight.x[k], gradient.x[k]);
        squares.x[k] = fmaf(slope, slope, squares.x[k]);
        weight.x[k] = weight.x[k] * decayed - rate * slope / (sqrtf(squares.x[k]) + epsilon);
      }
      team.store(w.row(at), j, weight);
      team.store(s.row(at), j, squares);
    });
  });
}

void CudaKernels::rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w,
                                  View s) const {
  const LocalIndex* list = listed(rows);
  const Real rate = o.rate, l2 = o.l2, epsilon = o.epsilon, decayed = kept(o);
  each_row(queue_, g.rows, g.cols, is_wide(g.cols, {g, w}), [=] __device__(const auto& team) {
    const Index at = target(list, team.row);
    Real mine = 0;
    team.each_four([&](int j) {
      const Four gradient = team.load(g, j), weight = team.load(w.row(at), j);
      for (int k = 0; k < 4; ++k) {
        const Real slope = fmaf(l2, weight.x[k], gradient.x[k]);
        mine = fmaf(slope, slope, mine);
      }
    });
    const Real squares = team.sum(mine);
    Real own_rate = 0;
    if (team.leads()) {
      const Real sum = s(at, 0) + squares / static_cast<Real>(team.cols);
      s(at, 0) = sum;
      own_rate = rate / (sqrtf(sum) + epsilon);
    }
    own_rate = team.of_leader(own_rate);
    team.each_four([&](int j) {
      const Four gradient = team.load(g, j);
      Four weight = team.load(w.row(at), j);
      for (int k = 0; k < 4; ++k) {
        const Real slope = fmaf(l2, weight.x[k], gradient.x[k]);
        weight.x[k] = fmaf(-own_rate, slope, weight.x[k] * decayed);
      }
      team.store(w.row(at), j, weight);
    });
  });
}

void CudaKernels::adam(const UpdateOptions& o, ConstView g, View w, View m, View v) const {
  const AdamStep step = adam_step(o);
  const Real l2 = o.l2, epsilon = o.epsilon, decayed = kept(o);
  const Real beta1 = o.beta1, beta2 = o.beta2, rest1 = Real(1) - o.beta1, rest2 = Real(1) - o.beta2;
  each_row(queue_, g.rows, g.cols, is_wide(g.cols, {g, w, m, v}), [=] __device__(const auto& team) {
    team.each_four([&](int j) {
      const Four gradient = team.load(g, j);
      Four weight = team.load(w, j), first = team.load(m, j), second = team.load(v, j);
      for (int k = 0; k < 4; ++k) {
        const Real slope = fmaf(l2, weight.x[k], gradient.x[k]);
        first.x[k] = fmaf(beta1, first.x[k], rest1 * slope);
        second.x[k] = fmaf(beta2, second.x[k], rest2 * slope * slope);
        const Real length = fmaf(step.root, sqrtf(second.x[k]), epsilon);
        weight.x[k] = weight.x[k] * decayed - step.rate * first.x[k] / length;
      }
      team.store(w, j, weight);
      team.store(m, j, first);
      team.store(v, j, second);
    });
  });
}

}  // namespace chorale
