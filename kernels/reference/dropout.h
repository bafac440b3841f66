// The draw of one element's dropout, as every backend has it.
#pragma once

#include "kernels/kernels.h"
#include "kernels/random.h"

namespace chorale {

// What dropout multiplies element (i, j) by, where row i is called `global_row`: 0, or
// 1 / (1 - rate).
inline Real dropout_factor(const DropoutMask& mask, Index global_row, Index j) {
  const RandomBits bits =
      random_bits({Purpose::dropout, mask.seed}, dropout_step(mask.step, mask.op),
                  dropout_index(global_row, j / 4));
  const bool dropped = bits.word[j % 4] < dropout_threshold(static_cast<double>(mask.rate));
  return dropped ? Real(0) : Real(1) / (Real(1) - mask.rate);
}

}  // namespace chorale
