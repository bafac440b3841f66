// Small tables and numbers for the tests of this folder.
#pragma once

#include <deque>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "comm/self_communicator.h"
#include "embedding/table.h"
#include "kernels/random.h"

namespace chorale::test {

// Uniform in [-1, 1), exactly representable in float: multiples of 2^-20.
inline Real number(std::uint64_t stream, Index index) {
  const RandomBits b = random_bits({Purpose::test, 7}, stream, static_cast<std::uint64_t>(index));
  return static_cast<Real>(static_cast<std::int32_t>(b.word[0]) >> 11) * Real(0x1p-20);
}

inline std::vector<Real> numbers(std::uint64_t stream, Index n) {
  std::vector<Real> x;
  for (Index i = 0; i < n; ++i) x.push_back(number(stream, i));
  return x;
}

inline std::vector<Index> iota(Index first, Index last) {
  std::vector<Index> x(static_cast<std::size_t>(last - first));
  std::iota(x.begin(), x.end(), first);
  return x;
}

inline std::vector<Real> host(Device& device, ConstView v) {
  std::vector<Real> x(static_cast<std::size_t>(v.size()));
  if (!x.empty()) device.download(x.data(), v.data, x.size() * sizeof(Real));
  return x;
}

inline void set(Device& device, View v, const std::vector<Real>& x) {
  device.upload(v.data, x.data(), x.size() * sizeof(Real));
}

// One rank's device, arena and communicator.
struct Rank {
  std::unique_ptr<Device> device = make_device({});
  std::unique_ptr<Communicator> comm = make_self_communicator();
  Arena arena{*device};
  std::deque<std::vector<LocalIndex>> host_rows{};  // of the parts

  Table table(Index rows, Index cols) {
    return Table(*device, "test.table", Partition::uniform(rows, {.count = 4}), cols, iota(0, rows),
                 [](Index i, Index j) { return number(1, 1000 * i + j); });
  }
  SparsePart part(const std::vector<LocalIndex>& rows, const std::vector<Real>& values,
                  Index cols) {
    auto* r = static_cast<LocalIndex*>(arena.take(rows.size() * sizeof(LocalIndex)));
    if (!rows.empty()) device->upload(r, rows.data(), rows.size() * sizeof(LocalIndex));
    const View v = arena.take_view(static_cast<Index>(rows.size()), cols);
    if (!values.empty()) set(*device, v, values);
    return {{r, rows.size()}, v, host_rows.emplace_back(rows)};
  }
};

}  // namespace chorale::test
