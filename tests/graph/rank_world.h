// What one rank of a graph test has: a reference device, an arena and exact values to compute with.
#pragma once

#include <cstring>
#include <vector>

#include "comm/thread_communicator.h"
#include "comm/typed.h"
#include "graph/partition.h"
#include "kernels/arena.h"
#include "kernels/check.h"
#include "kernels/random.h"

namespace chorale {

struct RankWorld {
  std::unique_ptr<Device> device = make_device({.kind = DeviceKind::reference});
  Arena arena{*device};
};

// A matrix of the host's with its view.
struct Matrix {
  Matrix(Index rows, Index cols, Real value = 0)
      : values(static_cast<std::size_t>(rows * cols), value), n(rows), d(cols) {}
  View view() { return {values.data(), n, d}; }
  Real& operator()(Index i, Index j) { return values[static_cast<std::size_t>(i * d + j)]; }

  std::vector<Real> values;
  Index n, d;
};

// A normal variate, or an integer in [-8, 8] where every sum is exact.
inline Real test_real(std::uint64_t what, Index i, Index j) {
  return static_cast<Real>(random_normal({Purpose::test, what}, static_cast<std::uint64_t>(i),
                                         static_cast<std::uint64_t>(j)));
}
inline Index test_below(std::uint64_t what, Index i, Index n) {
  return static_cast<Index>(
      random_below(random_bits({Purpose::test, what}, 0, static_cast<std::uint64_t>(i)),
                   static_cast<std::uint64_t>(n)));
}
inline Real test_integer(std::uint64_t what, Index i, Index j) {
  return static_cast<Real>(test_below(what, 1000 * i + j, 17) - 8);
}

// This rank's rows of the matrix value(i, j).
template <class Value>
Matrix own_rows(const Partition& p, Index cols, const Value& value) {
  Matrix x(p.local_rows(), cols);
  for (Index i = 0; i < x.n; ++i) {
    for (Index j = 0; j < cols; ++j) x(i, j) = value(p.first() + i, j);
  }
  return x;
}

inline bool same_bits(const std::vector<Real>& a, const std::vector<Real>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Real)) == 0;
}

// 23 rows in 8 lanes, three of them empty: with many ranks, some own nothing.
inline Partition uneven_partition(const Communicator& comm) {
  return Partition({8, comm.size(), comm.rank()}, {0, 0, 5, 6, 11, 11, 20, 23, 23});
}

}  // namespace chorale
