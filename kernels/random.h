// Randomness without state: a value is a pure function of what it is for.
//
// A draw is named by (purpose, seed, step, index): the same name gives the same bits on any rank,
// thread or device, in any order, and after any restart. Philox4x32-10 (Salmon et al. 2011) through
// Random123, which gives the same bits on host and device.
#pragma once

#include <Random123/philox.h>

#include <cmath>
#include <cstdint>

#include "kernels/scalar.h"

namespace chorale {

// What a draw is for. Numbers are part of the file format of results: never reuse or renumber.
enum class Purpose : std::uint32_t {
  initial_value = 1,
  sample_user = 2,
  sample_positive = 3,
  sample_negative = 4,
  dropout = 5,
  split = 6,
  generate = 7,
  test = 8,
  noise = 9,
  cold_items = 10,
  sample_edge = 11,
  sample_shared = 12,
  drop_edge = 13,
  drop_node = 14,
  sample_head = 16,
  sample_fact = 17,
  sample_tail = 18,
};

struct RandomBits {
  std::uint32_t word[4];
};

struct RandomKey {
  Purpose purpose;
  std::uint64_t seed;
};

// The Philox key: the purpose mixed into the seed.
CHORALE_EVERYWHERE inline std::uint64_t mixed_seed(RandomKey key) {
  return key.seed + 0x9E3779B97F4A7C15ULL * static_cast<std::uint64_t>(key.purpose);
}

// 128 random bits named by (key, step, index). `step` and `index` may use all of their 64 bits.
CHORALE_EVERYWHERE inline RandomBits random_bits(RandomKey key, std::uint64_t step,
                                                 std::uint64_t index) {
  r123::Philox4x32::ctr_type counter = {
      {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
       static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)}};
  const std::uint64_t mixed = mixed_seed(key);
  r123::Philox4x32::key_type philox_key = {
      {static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32)}};
  const auto r = r123::Philox4x32()(counter, philox_key);
  return {{r[0], r[1], r[2], r[3]}};
}

// Uniform in [0, 1), 53 bits, from two words.
CHORALE_EVERYWHERE inline double uniform(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32) | low;
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

CHORALE_EVERYWHERE inline double random_uniform(RandomKey key, std::uint64_t step,
                                                std::uint64_t index) {
  const RandomBits b = random_bits(key, step, index);
  return uniform(b.word[0], b.word[1]);
}

// Uniform in [0, 1) from one word: 24 bits, so that float and double hold the same number.
CHORALE_EVERYWHERE inline float uniform_of_word(std::uint32_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1.0p-24f;
}

// Standard normal by Box and Muller, one value a draw.
CHORALE_EVERYWHERE inline double random_normal(RandomKey key, std::uint64_t step,
                                               std::uint64_t index) {
  const RandomBits b = random_bits(key, step, index);
  const double u = 1.0 - uniform(b.word[0], b.word[1]);  // (0, 1]
  const double v = uniform(b.word[2], b.word[3]);
  return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
}

// The (step, index) of the four dropout words of columns 4 * block .. 4 * block + 3 of a row.
// Distinct for op < 2^16, step < 2^48, row < 2^44 and block < 2^20.
CHORALE_EVERYWHERE inline std::uint64_t dropout_step(std::uint64_t step, std::uint32_t op) {
  return step | (static_cast<std::uint64_t>(op) << 48);
}
CHORALE_EVERYWHERE inline std::uint64_t dropout_index(std::int64_t row, std::int64_t block) {
  return (static_cast<std::uint64_t>(row) << 20) | static_cast<std::uint64_t>(block);
}

// A word below this means "dropped"; rate is in [0, 1).
CHORALE_EVERYWHERE inline std::uint32_t dropout_threshold(double rate) {
  return static_cast<std::uint32_t>(rate * 4294967296.0);
}

// Uniform integer in [0, n): the high half of a 64-bit product. The bias is below n / 2^64.
CHORALE_EVERYWHERE inline std::uint64_t random_below(const RandomBits& b, std::uint64_t n) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(b.word[0]) << 32) | b.word[1];
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits) * n) >> 64);
}

}  // namespace chorale
