// Initial values: pure functions of (seed, table name, node, column), so that no bit depends on
// ranks, lanes or the order of rows.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "kernels/view.h"

namespace chorale {

// value = initializer(node, column); `node` is the row's public number.
using Initializer = std::function<Real(Index node, Index column)>;

Initializer constant_values(Real value);
// N(0, stddev^2).
Initializer normal_values(std::uint64_t seed, std::string_view table, double stddev);
// Glorot and Bengio 2010: U(-s, s) with s = sqrt(6 / (fan_in + fan_out)).
Initializer xavier_uniform_values(std::uint64_t seed, std::string_view table, Index fan_in,
                                  Index fan_out);
// One initializer for nodes below `boundary` (users), another for the rest (items).
Initializer by_side(Index boundary, Initializer users, Initializer items);

}  // namespace chorale
