// Random words for the columns of a row, a vector of Philox counters at a time, for the simd_*.cpp
// files (included once per instruction set, hence no include guard; simd_columns.inl stands before
// it).
namespace chorale::simd::HWY_NAMESPACE {

using Word = hn::ScalableTag<std::uint32_t>;

// The 32 x 32 bit products of all lanes, low and high halves.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void wide_multiply(D d, V a, V b, V& low, V& high) {
  const hn::RepartitionToWide<D> wide;
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))),
                               hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, b))));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
}

// Philox4x32-10 for the counters index + 0, 1, ..., one a lane: the same words as random_bits.
template <class D>
HWY_INLINE void philox(D d, std::uint64_t key, std::uint64_t step, std::uint64_t index,
                       std::uint32_t* to) {
  using V = hn::Vec<D>;
  V c0 = hn::Iota(d, static_cast<std::uint32_t>(index));
  V c1 = hn::Set(d, static_cast<std::uint32_t>(index >> 32));
  V c2 = hn::Set(d, static_cast<std::uint32_t>(step));
  V c3 = hn::Set(d, static_cast<std::uint32_t>(step >> 32));
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  const V m0 = hn::Set(d, 0xD2511F53u), m1 = hn::Set(d, 0xCD9E8D57u);
  for (int round = 0; round < 10; ++round) {
    V low0, high0, low1, high1;
    wide_multiply(d, c0, m0, low0, high0);
    wide_multiply(d, c2, m1, low1, high1);
    c0 = hn::Xor(high1, hn::Xor(c1, hn::Set(d, k0)));
    c2 = hn::Xor(high0, hn::Xor(c3, hn::Set(d, k1)));
    c1 = low1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  hn::StoreInterleaved4(c0, c1, c2, c3, d, to);
}

// The words of the blocks from `index` on, as many as a vector has lanes.
template <class D>
HWY_INLINE void random_words(D d, RandomKey key, std::uint64_t step, std::uint64_t index,
                             std::uint32_t* to) {
  if constexpr (hn::MaxLanes(D()) >= 4) {
    philox(d, mixed_seed(key), step, index, to);
  } else {
    const RandomBits bits = random_bits(key, step, index);
    std::copy_n(bits.word, 4, to);
  }
}

constexpr Index kMostWords = 4 * static_cast<Index>(hn::MaxLanes(Word()));

// use(j, count, words) for the words of the columns j .. j + count - 1 of a row.
template <class Use>
HWY_INLINE void each_words(RandomKey key, std::uint64_t step, Index global_row, Index cols,
                           Use use) {
  const Word d;
  const Index width = 4 * static_cast<Index>(hn::Lanes(d));
  alignas(64) std::uint32_t words[kMostWords];
  for (Index j = 0; j < cols; j += width) {
    random_words(d, key, step, dropout_index(global_row, j / 4), words);
    use(j, std::min(width, cols - j), words);
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
