// Chains of fused steps, enough of them to hide the latency of one.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/bench/fma_roof-inl.h"
#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/view.h"
#include "tests/bench/fma_roof.h"

HWY_BEFORE_NAMESPACE();
namespace chorale::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

double fused_steps_impl(int repetitions) {
  constexpr int kChains = 12;
  const hn::ScalableTag<Real> d;
  hn::Vec<decltype(d)> sum[kChains];
  for (auto& s : sum) s = hn::Zero(d);
  volatile Real start = Real(0.5);
  const auto x = hn::Set(d, start), y = hn::Set(d, start);
  for (int r = 0; r < repetitions; ++r) {
    for (auto& s : sum) s = hn::MulAdd(s, x, y);
  }
  for (int c = 1; c < kChains; ++c) sum[0] = hn::Add(sum[0], sum[c]);
  start = hn::GetLane(sum[0]);  // used, so that the loop stays
  return 2.0 * kChains * static_cast<double>(repetitions) * static_cast<double>(hn::Lanes(d));
}

}  // namespace chorale::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale {

HWY_EXPORT(fused_steps_impl);

double fused_steps(int repetitions) { return HWY_DYNAMIC_DISPATCH(fused_steps_impl)(repetitions); }

}  // namespace chorale
#endif  // HWY_ONCE
