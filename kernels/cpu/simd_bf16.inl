// Vectors of Real from and to bf16, for the simd_*.cpp files, which include this behind
// simd_columns.inl once per instruction set (hence no include guard).
namespace chorale::simd::HWY_NAMESPACE {

// Of as many lanes as a vector of Real has.
using FloatTag = hn::Rebind<float, Tag>;
using WordTag = hn::Rebind<std::uint32_t, Tag>;
using IntTag = hn::Rebind<std::int32_t, Tag>;
using HalfTag = hn::Rebind<std::uint16_t, Tag>;

template <class D>
HWY_INLINE auto as_floats(D, hn::Vec<D> x) {
  if constexpr (sizeof(hn::TFromD<D>) == sizeof(float)) {
    return x;
  } else {
    return hn::DemoteTo(FloatTag(), x);
  }
}

template <class D>
HWY_INLINE hn::Vec<D> of_floats(D d, hn::Vec<FloatTag> x) {
  if constexpr (sizeof(hn::TFromD<D>) == sizeof(float)) {
    return x;
  } else {
    return hn::PromoteTo(d, x);
  }
}

// Numbers whose bits as floats these are.
HWY_INLINE Vec of_bits(hn::Vec<WordTag> bits) {
  return of_floats(Tag(), hn::BitCast(FloatTag(), bits));
}

HWY_INLINE Vec widen(hn::Vec<HalfTag> halves) {
  return of_bits(hn::ShiftLeft<16>(hn::PromoteTo(WordTag(), halves)));
}

// As round_to_bf16: half a unit in the last place is added, less one bit if that place is even.
HWY_INLINE hn::Vec<HalfTag> round_to_bf16(Vec x) {
  const WordTag words;
  const auto f = as_floats(Tag(), x);
  const auto bits = hn::BitCast(words, f);
  const auto is_odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 1));
  const auto rounded = hn::Add(bits, hn::Add(is_odd, hn::Set(words, 0x7fff)));
  const auto not_a_number = hn::Or(bits, hn::Set(words, 0x400000));
  const auto chosen = hn::IfThenElse(hn::RebindMask(words, hn::IsNaN(f)), not_a_number, rounded);
  return hn::DemoteTo(HalfTag(), hn::BitCast(IntTag(), hn::ShiftRight<16>(chosen)));
}

// Columns of a row in bf16: a whole vector, or the first few of one, which are copied, since a
// masked access of 16 bits may touch what lies behind.
HWY_INLINE Vec load(Whole<Tag>, const Bf16* p) { return widen(hn::LoadU(HalfTag(), &p->bits)); }
HWY_INLINE Vec load(Part<Tag> at, const Bf16* p) {
  HWY_ALIGN std::uint16_t some[hn::MaxLanes(HalfTag())] = {};
  std::memcpy(some, p, hn::CountTrue(Tag(), at.mask) * sizeof(Bf16));
  return widen(hn::Load(HalfTag(), some));
}
HWY_INLINE void store(Whole<Tag>, Vec x, Bf16* p) {
  hn::StoreU(round_to_bf16(x), HalfTag(), &p->bits);
}
HWY_INLINE void store(Part<Tag> at, Vec x, Bf16* p) {
  HWY_ALIGN std::uint16_t some[hn::MaxLanes(HalfTag())];
  hn::Store(round_to_bf16(x), HalfTag(), some);
  std::memcpy(p, some, hn::CountTrue(Tag(), at.mask) * sizeof(Bf16));
}

// The same for Real.
template <class At>
HWY_INLINE Vec load(At at, const Real* p) {
  return at.load(p);
}

}  // namespace chorale::simd::HWY_NAMESPACE
