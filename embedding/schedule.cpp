// Closed forms of the learning rate.
#include "embedding/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace chorale {
namespace {

// How far from the end of warm-up (0) to the last step (1).
double way_gone(const Schedule& s, Index step) {
  if (step >= s.total_steps) return 1;
  return static_cast<double>(step - s.warmup_steps) /
         static_cast<double>(s.total_steps - s.warmup_steps);
}

}  // namespace

double Schedule::rate(Index step) const {
  if (step < warmup_steps) {
    return base_rate * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  }
  const auto epoch = static_cast<double>(step / std::max<Index>(1, steps_per_epoch));
  switch (kind) {
    case Kind::constant:
      return base_rate;
    case Kind::exponential:
      return base_rate * std::pow(factor, epoch / every_epochs);
    case Kind::step:
      return base_rate * std::pow(factor, std::floor(epoch / every_epochs));
    case Kind::linear:
      return base_rate * (1 - (1 - final_ratio) * way_gone(*this, step));
    case Kind::cosine: {
      const double left = (1 + std::cos(std::numbers::pi * way_gone(*this, step))) / 2;
      return base_rate * (final_ratio + (1 - final_ratio) * left);
    }
  }
  return base_rate;
}

}  // namespace chorale
