// 2^x of a vector, for simd_contrast.cpp (included once per instruction set, hence no include
// guard; simd_columns.inl stands before it).
namespace chorale::simd::HWY_NAMESPACE {

// 2^f for |f| <= 1/2 is 1 + f q(f). Float: q of degree 5 with the least relative error of the
// whole, 2e-9 before rounding. Double: the series of 2^f, whose next term is below 2^-57.
constexpr Real kExp2Float[] = {Real(0.6931472028619738),    Real(0.24022647913217593),
                               Real(0.05550332454896357),   Real(0.009618437351962675),
                               Real(0.0013398881216949029), Real(0.00015353380210116703)};
constexpr Real kExp2Double[] = {
    Real(0.6931471805599453),    Real(0.2402265069591007),     Real(0.05550410866482158),
    Real(0.009618129107628477),  Real(0.0013333558146428443),  Real(0.00015403530393381608),
    Real(1.525273380405984e-05), Real(1.321548679014431e-06),  Real(1.0178086009239699e-07),
    Real(7.054911620801123e-09), Real(4.4455382718708116e-10), Real(2.5678435993488202e-11),
    Real(1.3691488853904128e-12)};

// 1 + f (c[0] + f (c[1] + ...))
template <std::size_t kTerms>
HWY_INLINE Vec power_series(Vec f, const Real (&c)[kTerms]) {
  const Tag d;
  Vec p = hn::Set(d, c[kTerms - 1]);
  for (std::size_t i = kTerms - 1; i-- > 0;) p = hn::MulAdd(p, f, hn::Set(d, c[i]));
  return hn::MulAdd(p, f, hn::Set(d, Real(1)));
}

// The nearest whole number w is added to the exponent of 2^(x - w). It is read off the low bits of
// x + kWhole. Below the smallest normal number the result is zero, from 2^128 (float) on infinity;
// a NaN stays one.
HWY_INLINE Vec exp2(Vec x) {
  const Tag d;
  const hn::RebindToSigned<Tag> whole_numbers;
  constexpr bool is_float = sizeof(Real) == 4;
  constexpr int mantissa = is_float ? 23 : 52;
  constexpr Real most = is_float ? 128 : 1024;
  const Vec kWhole = hn::Set(d, Real(1.5) * static_cast<Real>(Index{1} << mantissa));
  const Vec bounded = hn::Min(hn::Set(d, most), x);  // of a NaN the second
  const Vec sum = hn::Add(bounded, kWhole);
  const Vec f = hn::Sub(bounded, hn::Sub(sum, kWhole));
  Vec p;
  if constexpr (is_float) {
    p = power_series(f, kExp2Float);
  } else {
    p = power_series(f, kExp2Double);
  }
  const auto power = hn::ShiftLeft<mantissa>(hn::BitCast(whole_numbers, sum));
  const Vec result = hn::BitCast(d, hn::Add(hn::BitCast(whole_numbers, p), power));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, Real(2) - most)), result);
}

}  // namespace chorale::simd::HWY_NAMESPACE
