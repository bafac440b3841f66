// The tree over lanes, evaluated directly from its definition: what lane_sum must equal to the bit.
#pragma once

#include <cstring>
#include <vector>

#include "comm/lane_sum.h"
#include "kernels/random.h"

namespace chorale {

// Entry i of the partial sum of lane l: magnitudes far apart, so that almost any other order shows.
template <class T>
T lane_value(int lane, Index i) {
  const auto step = static_cast<std::uint64_t>(lane);
  const double x = random_normal({Purpose::test, 3}, step, static_cast<std::uint64_t>(i));
  return static_cast<T>(x * (lane % 3 == 0 ? 1e6 : lane % 3 == 1 ? 1.0 : 1e-5));
}

// The sum over lanes [a, b), which splits at a + (b - a + 1) / 2.
template <class T>
T tree_sum(int a, int b, Index i) {
  if (b - a == 1) return lane_value<T>(a, i);
  const int middle = a + (b - a + 1) / 2;
  return tree_sum<T>(a, middle, i) + tree_sum<T>(middle, b, i);
}

template <class T>
std::vector<T> tree_sums(int lanes, Index n) {
  std::vector<T> total;
  for (Index i = 0; i < n; ++i) total.push_back(tree_sum<T>(0, lanes, i));
  return total;
}

// This rank's lanes' values, lane-major.
template <class T>
std::vector<T> lane_values(const Lanes& lanes, Index n) {
  std::vector<T> values;
  for (int l = lanes.begin(); l < lanes.end(); ++l) {
    for (Index i = 0; i < n; ++i) values.push_back(lane_value<T>(l, i));
  }
  return values;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

inline std::vector<double> host_lane_sum(Communicator& comm, const Lanes& lanes, Index n) {
  std::vector<double> total(static_cast<std::size_t>(n));
  lane_sum(comm.host(), lanes, lane_values<double>(lanes, n), total);
  return total;
}

inline std::vector<Real> device_lane_sum(Communicator& comm, const Lanes& lanes, Index n) {
  const auto device = make_device({.kind = DeviceKind::reference});
  Arena arena(*device);
  std::vector<Real> partials = lane_values<Real>(lanes, n), total(static_cast<std::size_t>(n));
  lane_sum(comm, lanes, arena, {partials.data(), lanes.local(), n}, {total.data(), 1, n});
  return total;
}

}  // namespace chorale
