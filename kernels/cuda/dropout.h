// Dropout's draws on a GPU.
#pragma once

#include <simt.h>

#include "kernels/kernels.h"
#include "kernels/random.h"

namespace chorale::cuda {

// What dropout makes of columns 4 j .. 4 j + 3 of a row: visit(column, factor), with factor 0 or
// 1 / (1 - rate). One draw serves four columns; none is made if nothing is dropped.
template <class Visit>
__device__ void for_each_kept(const DropoutMask& mask, Index row, Index j, Index cols,
                              Visit visit) {
  RandomBits bits = {};
  if (mask.rate != 0) {
    bits = random_bits({Purpose::dropout, mask.seed}, dropout_step(mask.step, mask.op),
                       dropout_index(row, j));
  }
  const std::uint32_t threshold = dropout_threshold(static_cast<double>(mask.rate));
  const Real scale = Real(1) / (Real(1) - mask.rate);
  for (Index c = 0; c < 4 && 4 * j + c < cols; ++c) {
    visit(4 * j + c, bits.word[c] < threshold ? Real(0) : scale);
  }
}

}  // namespace chorale::cuda
