#include "graph/stable_order.h"

#include <array>
#include <numeric>

namespace chorale {
namespace {

constexpr int kDigitBits = 11;
constexpr std::uint32_t kDigits = 1U << kDigitBits;

// to = from, ordered by the digit of the key at `shift`.
void sort_by_digit(std::span<const LocalIndex> keys, int shift, std::span<const LocalIndex> from,
                   std::span<LocalIndex> to) {
  const auto digit = [&](LocalIndex position) {
    return (static_cast<std::uint32_t>(keys[static_cast<std::size_t>(position)]) >> shift) &
           (kDigits - 1);
  };
  std::array<std::uint32_t, kDigits> next{};
  for (const LocalIndex p : from) ++next[digit(p)];
  std::exclusive_scan(next.begin(), next.end(), next.begin(), 0U);
  for (const LocalIndex p : from) to[next[digit(p)]++] = p;
}

}  // namespace

void stable_order(std::span<const LocalIndex> keys, Index limit, std::span<LocalIndex> order) {
  std::iota(order.begin(), order.end(), LocalIndex{0});
  std::vector<LocalIndex> other;
  for (int shift = 0; shift < 31 && ((limit - 1) >> shift) > 0; shift += kDigitBits) {
    other.assign(order.begin(), order.end());
    sort_by_digit(keys, shift, other, order);
  }
}

}  // namespace chorale
