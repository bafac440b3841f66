// TransR: facts as translations between entities, in a space of each relation.
#include <numeric>
#include <vector>

#include "kernels/check.h"
#include "trainer/losses/losses.h"

namespace chorale {
namespace {

// Which samples belong to which group, in device memory.
struct Assignment {
  Rows group_of;      // (b) of each sample
  Segments segments;  // the samples of each group
};

Assignment assign(Arena& arena, Groups groups) {
  const std::size_t n = groups.size() - 1, b = static_cast<std::size_t>(groups.back());
  std::vector<LocalIndex> ids(2 * b + n);
  for (std::size_t g = 0; g < n; ++g) {
    for (Index i = groups[g]; i < groups[g + 1]; ++i) {
      ids[static_cast<std::size_t>(i)] = static_cast<LocalIndex>(g);
    }
  }
  const auto samples = ids.begin() + static_cast<std::ptrdiff_t>(b);
  std::iota(samples, samples + static_cast<std::ptrdiff_t>(b), 0);
  std::iota(samples + static_cast<std::ptrdiff_t>(b), ids.end(), 0);
  auto* memory = static_cast<LocalIndex*>(arena.take(ids.size() * sizeof(LocalIndex)));
  arena.device().upload(memory, ids.data(), ids.size() * sizeof(LocalIndex));
  auto* begin = static_cast<Index*>(arena.take(groups.size_bytes()));
  arena.device().upload(begin, groups.data(), groups.size_bytes());
  return {{memory, b}, {{memory + 2 * b, n}, begin, memory + b, groups.back()}};
}

void require_one_batch(Var head, Var tail, Var negative, Var relation_vectors, Var matrices,
                       Groups groups) {
  const Partition& batch = head.part();
  require(head.layout() == Layout::rows && tail.part() == batch && negative.part() == batch &&
              tail.cols() == head.cols() && negative.cols() == head.cols(),
          "transr_loss: heads, tails and negatives must be rows of one batch, of one width");
  require(relation_vectors.layout() == Layout::rows && matrices.part() == relation_vectors.part() &&
              matrices.cols() == head.cols() * relation_vectors.cols(),
          "transr_loss: {} relation vectors of {} columns and {} matrices of {} for heads of {}",
          relation_vectors.rows(), relation_vectors.cols(), matrices.rows(), matrices.cols(),
          head.cols());
  const LaneOffsets samples = batch.lane_offsets(), of_lanes = matrices.part().lane_offsets();
  bool fits =
      static_cast<Index>(groups.size()) == matrices.rows() + 1 && samples.size() == of_lanes.size();
  for (std::size_t l = 0; fits && l < samples.size(); ++l) {
    fits = groups[static_cast<std::size_t>(of_lanes[l])] == samples[l];
  }
  require(fits, "transr_loss: {} groups of samples do not end with the lanes of {} matrices",
          groups.size() - 1, matrices.rows());
}

}  // namespace

Var transr_loss(Var head, Var tail, Var negative, Var relation_vectors, Var matrices, Groups groups,
                double l2, double l2_divisor) {
  require_one_batch(head, tail, negative, relation_vectors, matrices, groups);
  Tape& t = *head.tape;
  const Kernels& k = t.kernels();
  const Index b = head.rows(), width = relation_vectors.cols();
  const Real mean = static_cast<Real>(1.0 / static_cast<double>(head.part().rows()));
  const Real decay = static_cast<Real>(l2 / l2_divisor);
  const Assignment samples = assign(t.arena(), groups);
  const auto scratch = [&t, b, width] { return t.arena().take_view(b, width); };
  const View h = scratch(), r = scratch(), p = scratch(), n = scratch();
  k.grouped_gemm(head.value(), groups, matrices.value(), h);
  k.gather_rows(relation_vectors.value(), samples.group_of, r);
  k.grouped_gemm(tail.value(), groups, matrices.value(), p);
  k.grouped_gemm(negative.value(), groups, matrices.value(), n);

  Var y = t.output_partial();
  const LaneOffsets lanes = head.part().lane_offsets();
  const View slope = t.arena().take_view(b, 1);
  k.transr(h, r, p, n, lanes, slope, y.out());
  k.scale(mean, y.out());
  const View squares = t.arena().take_view(y.rows(), 1);
  for (const View& x : {h, r, p, n}) {
    k.half_squares(x, lanes, squares);
    k.axpy(decay, squares, y.out());
  }
  t.arena().give_back(squares);

  t.on_backward(y, {head, tail, negative, relation_vectors, matrices}, [=, &t] {
    const Kernels& kernels = t.kernels();
    const View of_mean = t.arena().take_view(1, 1), of_decay = t.arena().take_view(1, 1);
    const ConstView dy[] = {y.grad()};
    kernels.sum_of(mean, dy, of_mean);
    kernels.sum_of(decay, dy, of_decay);
    const View dh = scratch(), dr = scratch(), dp = scratch(), dn = scratch();
    for (const View& x : {dh, dr, dp, dn}) kernels.fill(0, x);
    kernels.transr_grad(of_mean, slope, h, r, p, n, dh, dr, dp, dn);
    kernels.axpy_by(of_decay, r, dr);
    if (relation_vectors.wants_grad()) {
      kernels.add_segments(dr, samples.segments, relation_vectors.grad());
    }
    const Var vectors[] = {head, tail, negative};
    const View projected[] = {h, p, n}, gradients[] = {dh, dp, dn};
    for (int i = 0; i < 3; ++i) {
      const Var x = vectors[i];
      kernels.axpy_by(of_decay, projected[i], gradients[i]);
      if (x.wants_grad()) {
        kernels.grouped_gemm_nt(gradients[i], groups, matrices.value(), x.grad());
      }
      if (matrices.wants_grad()) {
        kernels.grouped_gemm_tn(x.value(), groups, gradients[i], matrices.grad());
      }
    }
    for (const View& x : {dh, dr, dp, dn, of_mean, of_decay}) t.arena().give_back(x);
  });
  return y;
}

}  // namespace chorale
