#include "trainer/autodiff/tally.h"

#include <cstring>

#include "comm/lane_sum.h"

namespace chorale {

void Tally::send(ConstView totals, std::vector<const char*> names) {
  names_ = std::move(names);
  landing_->fetch(totals.data, static_cast<std::size_t>(totals.size()) * sizeof(Real));
}

Tally::Sums Tally::receive(Communicator& host, const Lanes& lanes, double extra) {
  const std::size_t columns = names_.size() + 1;
  const std::span<const std::byte> arrived = landing_->arrived();
  std::vector<Real> mine(arrived.size() / sizeof(Real));
  std::memcpy(mine.data(), arrived.data(), arrived.size());
  // A column more, for `extra`, which is the first lane's.
  const auto local = static_cast<std::size_t>(lanes.local());
  std::vector<double> partials((columns + 1) * local), sums(columns + 1);
  for (std::size_t l = 0; l < local; ++l) {
    for (std::size_t c = 0; c < columns; ++c) {
      partials[l * (columns + 1) + c] = static_cast<double>(mine[l * columns + c]);
    }
  }
  partials[columns] = extra;
  lane_sum(host, lanes, partials, sums);
  Sums result{sums.front(), sums.back(), {}};
  for (std::size_t i = 0; i < names_.size(); ++i) result.terms.push_back({names_[i], sums[i + 1]});
  return result;
}

}  // namespace chorale
