// Vector code: what a layer of bi-interaction does beside its dense products.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_interaction.cpp"
#include <algorithm>
#include <cstdint>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"
#include "kernels/random.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
#include "kernels/cpu/simd_words.inl"
namespace chorale::simd::HWY_NAMESPACE {

// Integers as wide as a Real, one for each column of a vector.
using Integers = hn::RebindToUnsigned<Tag>;
using Number = hn::TFromD<Integers>;
constexpr Index kMostLanes = static_cast<Index>(hn::MaxLanes(Tag()));

// The integers at p for the columns of a vector, of which `count` exist; zeros behind them.
template <class T>
HWY_INLINE hn::Vec<Integers> load_widened(const T* p, Index count) {
  if constexpr (sizeof(Number) == sizeof(std::uint32_t)) {
    if (count == lanes_of_tag()) {
      const hn::Rebind<T, Integers> narrow;
      if constexpr (sizeof(T) == sizeof(Number)) return hn::LoadU(narrow, p);
      if constexpr (sizeof(T) < sizeof(Number)) {
        return hn::PromoteTo(Integers(), hn::LoadU(narrow, p));
      }
    }
  }
  alignas(64) Number wide[kMostLanes] = {};
  for (Index c = 0; c < count; ++c) wide[c] = p[c];
  return hn::Load(Integers(), wide);
}

// The low bytes of v for as many columns.
HWY_INLINE void store_bytes(hn::Vec<Integers> v, std::uint8_t* p, Index count) {
  if (count == lanes_of_tag()) {
    const hn::Rebind<std::uint8_t, Integers> narrow;
    return hn::StoreU(hn::TruncateTo(narrow, v), narrow, p);
  }
  alignas(64) Number wide[kMostLanes];
  hn::Store(v, Integers(), wide);
  for (Index c = 0; c < count; ++c) p[c] = static_cast<std::uint8_t>(wide[c]);
}

void interaction_operands_impl(Real self, ConstView e, ConstView n, View s, View p) {
  const Vec factor = hn::Set(Tag(), self);
  for (Index i = 0; i < s.rows; ++i) {
    const Real *own = e.row(i), *others = n.row(i);
    Real *sum = s.row(i), *product = p.row(i);
    each_vector(Tag(), s.cols, [&](auto at, Index j) HWY_ATTR {
      const Vec x = at.load(own + j), y = at.load(others + j);
      at.store(hn::MulAdd(factor, x, y), sum + j);
      at.store(hn::Mul(x, y), product + j);
    });
  }
}

void interaction_output_impl(const BiInteraction& layer, const Index* global_row, ConstView sum,
                             ConstView product, std::uint8_t* bits, View y) {
  const RandomKey key{Purpose::dropout, layer.mask.seed};
  const std::uint64_t step = dropout_step(layer.mask.step, layer.mask.op);
  const auto threshold =
      hn::Set(Integers(), Number{dropout_threshold(static_cast<double>(layer.mask.rate))});
  const Vec kept = hn::Set(Tag(), Real(1) / (Real(1) - layer.mask.rate));
  const Vec below = hn::Set(Tag(), layer.slope), zero = hn::Zero(Tag());
  const auto bit = [](auto mask, BiInteractionBits b) HWY_ATTR {
    return hn::IfThenElseZero(hn::RebindMask(Integers(), mask), hn::Set(Integers(), Number{b}));
  };
  for (Index i = 0; i < y.rows; ++i) {
    // Columns [begin, begin + count), of which words[j] decides about column begin + j.
    const auto columns = [&](Index begin, Index count, const std::uint32_t* words) HWY_ATTR {
      each_vector(Tag(), count, [&](auto at, Index j) HWY_ATTR {
        const Index c = begin + j, lanes = std::min(lanes_of_tag(), count - j);
        const Vec s = hn::Add(at.load(sum.row(i) + c), at.load(layer.b_sum.data + c));
        const Vec p = hn::Add(at.load(product.row(i) + c), at.load(layer.b_product.data + c));
        const auto s_above = hn::Gt(s, zero), p_above = hn::Gt(p, zero);
        const Vec both = hn::Add(hn::IfThenElse(s_above, s, hn::Mul(below, s)),
                                 hn::IfThenElse(p_above, p, hn::Mul(below, p)));
        auto is_kept = hn::Eq(zero, zero);
        if (words != nullptr) {
          const auto drawn = load_widened(words + j, lanes);
          is_kept = hn::RebindMask(Tag(), hn::Not(hn::Lt(drawn, threshold)));
        }
        at.store(hn::IfThenElseZero(is_kept, hn::Mul(kept, both)), y.row(i) + c);
        if (bits == nullptr) return;
        store_bytes(hn::Or(hn::Or(bit(s_above, kSumIsAbove), bit(p_above, kProductIsAbove)),
                           bit(is_kept, kIsKept)),
                    bits + i * y.cols + c, lanes);
      });
    };
    if (layer.mask.rate == 0) {
      columns(0, y.cols, nullptr);
    } else {
      each_words(key, step, global_row[i], y.cols, columns);
    }
  }
}

void interaction_slopes_impl(const BiInteraction& layer, const std::uint8_t* bits, ConstView dy,
                             View of_sum, View of_product) {
  const Vec kept = hn::Set(Tag(), Real(1) / (Real(1) - layer.mask.rate));
  const Vec below = hn::Set(Tag(), layer.slope);
  const auto has = [](auto b, BiInteractionBits which) HWY_ATTR {
    return hn::RebindMask(Tag(), hn::TestBit(b, hn::Set(Integers(), Number{which})));
  };
  for (Index i = 0; i < dy.rows; ++i) {
    const std::uint8_t* from = bits + i * dy.cols;
    each_vector(Tag(), dy.cols, [&](auto at, Index j) HWY_ATTR {
      const auto b = load_widened(from + j, std::min(lanes_of_tag(), dy.cols - j));
      const Vec all = hn::Mul(kept, at.load(dy.row(i) + j));
      const Vec g = hn::IfThenElseZero(has(b, kIsKept), all), less = hn::Mul(below, g);
      at.store(hn::IfThenElse(has(b, kSumIsAbove), g, less), of_sum.row(i) + j);
      at.store(hn::IfThenElse(has(b, kProductIsAbove), g, less), of_product.row(i) + j);
    });
  }
}

void interaction_grad_impl(Real self, ConstView e, ConstView n, ConstView ds, ConstView dp,
                           bool add, View de, View dn) {
  const Vec factor = hn::Set(Tag(), self);
  for (Index i = 0; i < e.rows; ++i) {
    each_vector(Tag(), e.cols, [&](auto at, Index j) HWY_ATTR {
      const Vec s = at.load(ds.row(i) + j), p = at.load(dp.row(i) + j);
      Real* to = de.row(i) + j;
      const Vec before = add ? at.load(to) : hn::Zero(Tag());
      at.store(hn::MulAdd(p, at.load(n.row(i) + j), hn::MulAdd(factor, s, before)), to);
      at.store(hn::MulAdd(p, at.load(e.row(i) + j), s), dn.row(i) + j);
    });
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(interaction_operands_impl);
HWY_EXPORT(interaction_output_impl);
HWY_EXPORT(interaction_slopes_impl);
HWY_EXPORT(interaction_grad_impl);

void interaction_operands(Real self, ConstView e, ConstView n, View s, View p) {
  HWY_DYNAMIC_DISPATCH(interaction_operands_impl)(self, e, n, s, p);
}
void interaction_output(const BiInteraction& layer, const Index* global_row, ConstView sum,
                        ConstView product, std::uint8_t* bits, View y) {
  HWY_DYNAMIC_DISPATCH(interaction_output_impl)(layer, global_row, sum, product, bits, y);
}
void interaction_slopes(const BiInteraction& layer, const std::uint8_t* bits, ConstView dy,
                        View of_sum, View of_product) {
  HWY_DYNAMIC_DISPATCH(interaction_slopes_impl)(layer, bits, dy, of_sum, of_product);
}
void interaction_grad(Real self, ConstView e, ConstView n, ConstView ds, ConstView dp, bool add,
                      View de, View dn) {
  HWY_DYNAMIC_DISPATCH(interaction_grad_impl)(self, e, n, ds, dp, add, de, dn);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE
