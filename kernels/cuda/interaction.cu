// CUDA: layers of bi-interaction, made of the dense products and of elementwise kernels around
// them. Rows are taken so many at a time that what lies between stays in the second cache.
#include <algorithm>
#include <vector>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/dropout.h"
#include "kernels/cuda/each.h"

namespace chorale {

using cuda::each;

namespace {

constexpr Index kMostRows = 32768;

// Matrices one behind the other in scratch memory, each from a multiple of 16 bytes.
class Workspace {
 public:
  // `columns`: of all matrices together.
  Workspace(cuda::Queue& queue, Index rows, Index columns, int matrices)
      : next_(queue.scratch_of<Real>(static_cast<std::size_t>(rows * columns + 4 * matrices),
                                     cuda::Queue::Scratch::of_whole)) {}
  View take(Index rows, Index cols) {
    const View v(next_, rows, cols);
    next_ += (v.size() + 3) / 4 * 4;
    return v;
  }

 private:
  Real* next_;
};

void operands(cuda::Queue& queue, Real self, ConstView e, ConstView n, View s, View p) {
  each(queue, s.rows, s.cols, [=] __device__(Index i, Index j) {
    s(i, j) = fmaf(self, e(i, j), n(i, j));
    p(i, j) = e(i, j) * n(i, j);
  });
}

// y and its bits from the two products; a thread has the four columns of one draw.
void output(cuda::Queue& queue, const BiInteraction& layer, const Index* global_row, ConstView sum,
            ConstView product, std::uint8_t* bits, View y) {
  each(queue, y.rows, (y.cols + 3) / 4, [=] __device__(Index i, Index block) {
    const Index name = layer.mask.rate != 0 ? global_row[i] : 0;
    cuda::for_each_kept(layer.mask, name, block, y.cols, [&](Index j, Real factor) {
      const Real s = sum(i, j) + layer.b_sum(0, j), p = product(i, j) + layer.b_product(0, j);
      const Real both =
          apply(Scalar::leaky_relu, layer.slope, s) + apply(Scalar::leaky_relu, layer.slope, p);
      y(i, j) = factor * both;
      if (bits == nullptr) return;
      bits[i * y.cols + j] = static_cast<std::uint8_t>(
          (s > 0 ? kSumIsAbove : 0) | (p > 0 ? kProductIsAbove : 0) | (factor != 0 ? kIsKept : 0));
    });
  });
}

void slopes(cuda::Queue& queue, const BiInteraction& layer, const std::uint8_t* bits, ConstView dy,
            View of_sum, View of_product) {
  const Real kept = Real(1) / (Real(1) - layer.mask.rate), below = layer.slope;
  each(queue, dy.rows, dy.cols, [=] __device__(Index i, Index j) {
    const std::uint8_t b = bits[i * dy.cols + j];
    const Real g = (b & kIsKept) != 0 ? kept * dy(i, j) : Real(0);
    of_sum(i, j) = (b & kSumIsAbove) != 0 ? g : below * g;
    of_product(i, j) = (b & kProductIsAbove) != 0 ? g : below * g;
  });
}

void operand_grads(cuda::Queue& queue, Real self, ConstView e, ConstView n, ConstView ds,
                   ConstView dp, bool add, View de, View dn) {
  each(queue, e.rows, e.cols, [=] __device__(Index i, Index j) {
    const Real before = add ? de(i, j) : Real(0);
    de(i, j) = fmaf(dp(i, j), n(i, j), fmaf(self, ds(i, j), before));
    dn(i, j) = fmaf(dp(i, j), e(i, j), ds(i, j));
  });
}

// A run of lanes, or of rows of one lane.
struct Run {
  Index first_lane, last_lane;
  std::vector<Index> begin;  // of its lanes, and its end
};

// visit(run): whole lanes as long as they have kMostRows together, and larger lanes cut from their
// first row on, so that what a lane is cut into is its own affair.
template <class Visit>
void each_run(LaneOffsets lanes, Visit visit) {
  const auto count = static_cast<Index>(lanes.size()) - 1;
  for (Index first = 0; first < count;) {
    Index last = first + 1;
    while (last < count && lanes[last + 1] - lanes[first] <= kMostRows) ++last;
    for (Index row = lanes[first]; row < lanes[last];) {
      const Index end = std::min(row + kMostRows, lanes[last]);
      Run run{first, last, {row, end}};
      if (last > first + 1) {
        run.begin.assign(lanes.begin() + first, lanes.begin() + last + 1);
      }
      visit(run);
      row = end;
    }
    first = last;
  }
}

}  // namespace

void CudaKernels::bi_interaction(const BiInteraction& layer, ConstView e, ConstView n,
                                 std::uint8_t* bits, View y) const {
  const Index k = e.cols, m = y.cols;
  for (Index first = 0; first < y.rows; first += kMostRows) {
    const Index last = std::min(first + kMostRows, y.rows), count = last - first;
    Workspace workspace(queue_, count, 2 * (k + m), 4);
    const View s = workspace.take(count, k), p = workspace.take(count, k);
    const View sum = workspace.take(count, m), product = workspace.take(count, m);
    operands(queue_, layer.self, e.row_block(first, last), n.row_block(first, last), s, p);
    gemm(s, layer.w_sum, sum);
    gemm(p, layer.w_product, product);
    output(queue_, layer, layer.global_row == nullptr ? nullptr : layer.global_row + first, sum,
           product, bits == nullptr ? nullptr : bits + first * m, y.row_block(first, last));
  }
}

void CudaKernels::bi_interaction_grad(const BiInteraction& layer, ConstView e, ConstView n,
                                      const std::uint8_t* bits, ConstView dy, LaneOffsets lanes,
                                      bool add, View de, View dn,
                                      const BiInteractionWeights& dw) const {
  const Index k = e.cols, m = dy.cols;
  each_run(lanes, [&](const Run& run) {
    const Index first = run.begin.front(), last = run.begin.back(), count = last - first;
    Workspace workspace(queue_, count, 2 * (k + m) + 1, 5);
    const View s = workspace.take(count, k), p = workspace.take(count, k);
    const View of_sum = workspace.take(count, m), of_product = workspace.take(count, m);
    const View ones = workspace.take(count, 1);
    const ConstView own = e.row_block(first, last), others = n.row_block(first, last);
    operands(queue_, layer.self, own, others, s, p);
    slopes(queue_, layer, bits + first * m, dy.row_block(first, last), of_sum, of_product);
    fill(1, ones);

    std::vector<Index> begin;
    for (const Index row : run.begin) begin.push_back(row - first);
    const auto of_run = [&](View all) { return all.row_block(run.first_lane, run.last_lane); };
    grouped_gemm_tn(s, begin, of_sum, of_run(dw.w_sum));
    grouped_gemm_tn(p, begin, of_product, of_run(dw.w_product));
    grouped_gemm_tn(of_sum, begin, ones, of_run(dw.b_sum));
    grouped_gemm_tn(of_product, begin, ones, of_run(dw.b_product));

    const View ds = s, dp = p;  // the operands are no longer needed
    fill(0, ds);
    fill(0, dp);
    gemm_nt(of_sum, layer.w_sum, ds);
    gemm_nt(of_product, layer.w_product, dp);
    operand_grads(queue_, layer.self, own, others, ds, dp, add, de.row_block(first, last),
                  dn.row_block(first, last));
  });
}

}  // namespace chorale
