// A stable order by key, against std::stable_sort.
// The radix sort orders as std::stable_sort does.
#include "graph/stable_order.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>

#include "kernels/random.h"

namespace chorale {

BOOST_AUTO_TEST_SUITE(stable_orders)

BOOST_AUTO_TEST_CASE(order_is_that_of_a_stable_sort) {
  // Limits around the sizes of one, two and three digits of 11 bits.
  for (const Index limit : {Index{1}, Index{7}, Index{2048}, Index{2049}, Index{1} << 22,
                            (Index{1} << 22) + 1, (Index{1} << 31) - 1}) {
    for (const std::size_t n : {0, 1, 2, 997}) {
      std::vector<LocalIndex> keys(n), order(n), expected(n);
      for (std::size_t i = 0; i < n; ++i) {
        const auto bits = random_bits({Purpose::test, 1}, static_cast<std::uint64_t>(limit), i / 3);
        keys[i] = static_cast<LocalIndex>(random_below(bits, static_cast<std::uint64_t>(limit)));
      }
      std::reverse(keys.begin(), keys.end());
      if (n > 1) keys[0] = static_cast<LocalIndex>(limit - 1);

      stable_order(keys, limit, order);

      std::iota(expected.begin(), expected.end(), 0);
      std::stable_sort(expected.begin(), expected.end(), [&](LocalIndex a, LocalIndex b) {
        return keys[static_cast<std::size_t>(a)] < keys[static_cast<std::size_t>(b)];
      });
      BOOST_TEST((order == expected), "limit " << limit << ", n " << n);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale
