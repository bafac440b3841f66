// Layers of bi-interaction on threads. A thread takes rows in blocks that stay in its cache from
// the layer's input to its output, so that memory is read and written once.
//
// The weights' gradients of a lane are summed by one thread, block by block from the lane's first
// row: lanes, not rows, are dealt to threads, and threads beyond the lanes of a rank wait.
#include <vector>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/simd.h"

namespace chorale {
namespace {

constexpr Index kBlock = 256;  // rows

// A thread's memory for matrices, kept from one call to the next.
class Workspace {
 public:
  explicit Workspace(Index elements) {
    if (memory().size() < static_cast<std::size_t>(elements)) {
      memory().resize(static_cast<std::size_t>(elements));
    }
  }
  View take(Index rows, Index cols) {
    const View v(memory().data() + taken_, rows, cols);
    taken_ += v.size();
    return v;
  }

 private:
  static std::vector<Real>& memory() {
    thread_local std::vector<Real> memory;
    return memory;
  }

  Index taken_ = 0;
};

// f(first, last) for the blocks of rows [first, last).
template <class F>
void each_block(Index first, Index last, F f) {
  for (Index i = first; i < last; i += kBlock) f(i, std::min(i + kBlock, last));
}

// Where element i is, if there is a list.
template <class T>
T* from(T* list, Index i) {
  return list == nullptr ? nullptr : list + i;
}

void transpose(ConstView x, View y) {
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.cols; ++j) y(j, i) = x(i, j);
  }
}

}  // namespace

void CpuKernels::bi_interaction(const BiInteraction& layer, ConstView e, ConstView n,
                                std::uint8_t* bits, View y) const {
  const Index k = e.cols, m = y.cols;
  rows(y.rows, 2 * k * m, [&](Index first_row, Index last_row) {
    Workspace workspace(2 * kBlock * (k + m));
    const View s = workspace.take(kBlock, k), p = workspace.take(kBlock, k);
    const View sum = workspace.take(kBlock, m), product = workspace.take(kBlock, m);
    each_block(first_row, last_row, [&](Index first, Index last) {
      const Index count = last - first;
      simd::interaction_operands(layer.self, e.row_block(first, last), n.row_block(first, last),
                                 s.row_block(0, count), p.row_block(0, count));
      simd::gemm(s.row_block(0, count), layer.w_sum, sum.row_block(0, count));
      simd::gemm(p.row_block(0, count), layer.w_product, product.row_block(0, count));
      simd::interaction_output(layer, from(layer.global_row, first), sum, product,
                               from(bits, first * m), y.row_block(first, last));
    });
  });
}

void CpuKernels::bi_interaction_grad(const BiInteraction& layer, ConstView e, ConstView n,
                                     const std::uint8_t* bits, ConstView dy, LaneOffsets lanes,
                                     bool add, View de, View dn,
                                     const BiInteractionWeights& dw) const {
  const Index k = e.cols, m = dy.cols, count_of_lanes = dw.w_sum.rows;
  const Index of_a_lane = e.rows / std::max<Index>(count_of_lanes, 1) + 1;
  rows(count_of_lanes, 2 * k * m * of_a_lane, [&](Index first_lane, Index last_lane) {
    Workspace workspace(2 * kBlock * (2 * k + m) + 2 * k * m);
    const View s = workspace.take(kBlock, k), p = workspace.take(kBlock, k);
    const View ds = workspace.take(kBlock, k), dp = workspace.take(kBlock, k);
    const View of_sum = workspace.take(kBlock, m), of_product = workspace.take(kBlock, m);
    const View w_sum = workspace.take(m, k), w_product = workspace.take(m, k);
    transpose(layer.w_sum, w_sum);
    transpose(layer.w_product, w_product);
    for (Index lane = first_lane; lane < last_lane; ++lane) {
      each_block(lanes[lane], lanes[lane + 1], [&](Index first, Index last) {
        const Index count = last - first;
        const auto block = [count](View v) { return v.row_block(0, count); };
        const ConstView own = e.row_block(first, last), others = n.row_block(first, last);
        simd::interaction_operands(layer.self, own, others, block(s), block(p));
        simd::interaction_slopes(layer, bits + first * m, dy.row_block(first, last), block(of_sum),
                                 block(of_product));
        simd::gemm_tn(block(s), block(of_sum), {dw.w_sum.row(lane), k, m});
        simd::gemm_tn(block(p), block(of_product), {dw.w_product.row(lane), k, m});
        simd::column_sums(block(of_sum), dw.b_sum.row_block(lane, lane + 1));
        simd::column_sums(block(of_product), dw.b_product.row_block(lane, lane + 1));
        simd::gemm(block(of_sum), w_sum, block(ds));
        simd::gemm(block(of_product), w_product, block(dp));
        simd::interaction_grad(layer.self, own, others, ds, dp, add, de.row_block(first, last),
                               dn.row_block(first, last));
      });
    }
  });
}

}  // namespace chorale
