// Random numbers: known answers, uniformity, and that names are all that matters.
#include "kernels/random.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

namespace chorale {
namespace {

// A key that makes Philox's key equal to `philox`: the purpose is taken off.
RandomKey key_for(std::uint64_t philox) {
  const auto purpose = static_cast<std::uint64_t>(Purpose::test);
  return {Purpose::test, philox - 0x9E3779B97F4A7C15ULL * purpose};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(random_suite)

BOOST_AUTO_TEST_CASE(words_equal_the_known_answers_of_random123) {
  // kat_vectors of Random123: philox4x32 10, (counter, key) -> words.
  const RandomBits zeros = random_bits(key_for(0), 0, 0);
  const RandomBits ones = random_bits(key_for(~0ULL), ~0ULL, ~0ULL);
  const RandomBits pi =
      random_bits(key_for(0x299f31d0a4093822ULL), 0x0370734413198a2eULL, 0x85a308d3243f6a88ULL);

  const std::uint32_t expected[3][4] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                        {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                        {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
  for (int w = 0; w < 4; ++w) {
    BOOST_TEST(zeros.word[w] == expected[0][w]);
    BOOST_TEST(ones.word[w] == expected[1][w]);
    BOOST_TEST(pi.word[w] == expected[2][w]);
  }
}

BOOST_AUTO_TEST_CASE(uniform_draws_fill_their_bins_evenly) {
  constexpr int kBins = 128, kDraws = 128 * 500;
  std::vector<int> bins(kBins, 0);

  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const double u = random_uniform({Purpose::test, 1}, 2, i);
    BOOST_REQUIRE((u >= 0 && u < 1));
    ++bins[static_cast<std::size_t>(u * kBins)];
  }

  double chi_square = 0;
  for (int count : bins) chi_square += (count - 500.0) * (count - 500.0) / 500.0;
  // 127 degrees of freedom: mean 127, standard deviation sqrt(254) = 15.9; five of them either way.
  BOOST_TEST(chi_square > 127 - 5 * 15.9);
  BOOST_TEST(chi_square < 127 + 5 * 15.9);
}

BOOST_AUTO_TEST_CASE(integers_fill_a_range_that_is_no_power_of_two_evenly) {
  constexpr int kBins = 97, kDraws = 97 * 500;
  std::vector<int> bins(kBins, 0);

  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const std::uint64_t x = random_below(random_bits({Purpose::test, 2}, i, 0), kBins);
    BOOST_REQUIRE(x < kBins);
    ++bins[x];
  }

  double chi_square = 0;
  for (int count : bins) chi_square += (count - 500.0) * (count - 500.0) / 500.0;
  BOOST_TEST(std::abs(chi_square - 96) < 5 * 13.9);  // 96 degrees of freedom: sqrt(192) = 13.9
}

BOOST_AUTO_TEST_CASE(normal_draws_have_mean_zero_and_variance_one) {
  constexpr int kDraws = 40000;
  double sum = 0, squares = 0;

  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const double x = random_normal({Purpose::test, 3}, 0, i);
    sum += x;
    squares += x * x;
  }

  BOOST_TEST(std::abs(sum / kDraws) < 5 / std::sqrt(kDraws));  // five standard deviations
  BOOST_TEST(std::abs(squares / kDraws - 1) < 5 * std::sqrt(2.0 / kDraws));
}

BOOST_AUTO_TEST_CASE(every_part_of_a_name_matters) {
  std::set<std::uint32_t> words;
  words.insert(random_bits({Purpose::test, 1}, 2, 3).word[0]);
  words.insert(random_bits({Purpose::split, 1}, 2, 3).word[0]);
  words.insert(random_bits({Purpose::test, 2}, 2, 3).word[0]);
  words.insert(random_bits({Purpose::test, 1}, 3, 3).word[0]);
  words.insert(random_bits({Purpose::test, 1}, 2, 4).word[0]);
  words.insert(random_bits({Purpose::test, 1}, 2, 3 + (1ULL << 32)).word[0]);
  words.insert(random_bits({Purpose::test, 1}, 2 + (1ULL << 32), 3).word[0]);

  BOOST_TEST(words.size() == 7u);
}

BOOST_AUTO_TEST_CASE(dropout_names_are_distinct) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> names;
  for (std::uint64_t step : {0, 1}) {
    for (std::uint32_t op : {0u, 1u, 65535u}) {
      for (std::int64_t row : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 43}) {
        for (std::int64_t block : {0, 1, (1 << 20) - 1}) {
          names.insert({dropout_step(step, op), dropout_index(row, block)});
        }
      }
    }
  }

  BOOST_TEST(names.size() == 2u * 3 * 3 * 3);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale
