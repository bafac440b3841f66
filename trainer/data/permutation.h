// A random permutation of 0 .. n-1 that is computed, not stored: `permutation(i)` costs a few
// hashes whatever n is, so every rank can draw its own part of "B distinct users" without talking
// to anyone.
//
// A balanced Feistel network on the next even power of two, its rounds keyed by (seed, step),
// walked until the value falls below n (Black and Rogaway 2002, "cycle walking"): a bijection for
// every key.
#pragma once

#include <bit>

#include "kernels/random.h"
#include "kernels/view.h"

namespace chorale {

class Permutation {
 public:
  Permutation(RandomKey key, std::uint64_t step, Index n)
      : key_(key),
        step_(step),
        n_(static_cast<std::uint64_t>(n)),
        half_bits_((std::bit_width(n_ > 1 ? n_ - 1 : 1) + 1) / 2),
        mask_((std::uint64_t{1} << half_bits_) - 1) {}

  Index operator()(Index i) const {
    auto x = static_cast<std::uint64_t>(i);
    do {
      x = scramble(x);
    } while (x >= n_);
    return static_cast<Index>(x);
  }

 private:
  std::uint64_t scramble(std::uint64_t x) const {
    std::uint64_t left = x >> half_bits_;
    std::uint64_t right = x & mask_;
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      const RandomBits b = random_bits(key_, step_, (round << 40) | right);
      const std::uint64_t next = left ^ (b.word[0] & mask_);
      left = right;
      right = next;
    }
    return (left << half_bits_) | right;
  }

  static constexpr std::uint64_t kRounds = 6;
  RandomKey key_;
  std::uint64_t step_;
  std::uint64_t n_;
  int half_bits_;
  std::uint64_t mask_;
};

// The members of a batch drawn from n: distinct, or with replacement if the batch is larger than n.
class BatchDraw {
 public:
  BatchDraw(RandomKey key, std::uint64_t step, Index batch, Index n)
      : key_(key), step_(step), n_(n), is_distinct_(batch <= n), shuffled_(key, step, n) {}

  Index operator()(Index i) const {
    if (is_distinct_) return shuffled_(i);
    return static_cast<Index>(random_below(random_bits(key_, step_, static_cast<std::uint64_t>(i)),
                                           static_cast<std::uint64_t>(n_)));
  }

 private:
  RandomKey key_;
  std::uint64_t step_;
  Index n_;
  bool is_distinct_;
  Permutation shuffled_;
};

}  // namespace chorale
