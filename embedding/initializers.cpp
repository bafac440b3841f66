// Draws are keyed by XXH3 of the table's name under the seed, with (node, column) as the counter.
#include "embedding/initializers.h"

#include <xxhash.h>

#include <cmath>

#include "kernels/random.h"

namespace chorale {
namespace {

// Tables draw from streams of their own: the name is hashed together with the seed. XXH3 is a
// published function, so the values are the same with every compiler and library.
RandomKey key_of(std::uint64_t seed, std::string_view table) {
  return {Purpose::initial_value, XXH3_64bits_withSeed(table.data(), table.size(), seed)};
}

}  // namespace

Initializer constant_values(Real value) {
  return [value](Index, Index) { return value; };
}

Initializer normal_values(std::uint64_t seed, std::string_view table, double stddev) {
  return [key = key_of(seed, table), stddev](Index node, Index column) {
    return static_cast<Real>(stddev * random_normal(key, static_cast<std::uint64_t>(node),
                                                    static_cast<std::uint64_t>(column)));
  };
}

Initializer xavier_uniform_values(std::uint64_t seed, std::string_view table, Index fan_in,
                                  Index fan_out) {
  const double bound = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
  return [key = key_of(seed, table), bound](Index node, Index column) {
    const double u =
        random_uniform(key, static_cast<std::uint64_t>(node), static_cast<std::uint64_t>(column));
    return static_cast<Real>(bound * (2.0 * u - 1.0));
  };
}

Initializer by_side(Index boundary, Initializer users, Initializer items) {
  return [boundary, users = std::move(users), items = std::move(items)](Index node, Index column) {
    return node < boundary ? users(node, column) : items(node, column);
  };
}

}  // namespace chorale
