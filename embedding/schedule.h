// Learning rate as a pure function of the step, so a restart needs no state.
#pragma once

#include "kernels/view.h"

namespace chorale {

struct Schedule {
  enum class Kind { constant, exponential, step, linear, cosine };
  Kind kind = Kind::constant;
  double base_rate = 1e-3;
  Index warmup_steps = 0;  // rate rises linearly from base/warmup to base
  Index steps_per_epoch = 1;
  Index total_steps = 0;    // linear and cosine: where final_ratio is reached
  double factor = 1;        // exponential: rate * factor^(epoch / every_epochs), epoch whole;
  double every_epochs = 1;  // step: rate * factor^floor(epoch / every_epochs)
  double final_ratio = 0;   // linear and cosine: rate at the end over base rate

  double rate(Index step) const;  // step from 0
};

}  // namespace chorale
