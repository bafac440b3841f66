// Drawing the positive and the negative of a user.
#include <algorithm>

#include "kernels/check.h"
#include "kernels/log.h"
#include "trainer/data/sampler.h"

namespace chorale {

TripleSource::TripleSource(const Dataset& dataset, std::uint64_t seed)
    : dataset_(dataset), seed_(seed) {
  Index saturated = 0;
  for (Index u = 0; u < dataset.users(); ++u) {
    const auto n = static_cast<Index>(dataset.items_of(Split::train, u).size());
    if (n == dataset.items()) ++saturated;
    if (n > 0 && n < dataset.items()) users_.push_back(u);
  }
  if (saturated > 0) {
    log_warning("{} users have every item in training: they have no negatives and are not sampled",
                saturated);
  }
  require_user(!users_.empty(), Exit::data, "check the training file with `chorale inspect`",
               "{}: no user has a training item and an item left to be a negative",
               dataset.folder().string());
}

void TripleSource::append(Index user, Index step, Index position, TripleColumns& columns) const {
  const std::span<const std::int32_t> taken = dataset_.items_of(Split::train, user);
  const RandomBits pick =
      random_bits(key(Purpose::sample_positive), static_cast<std::uint64_t>(step),
                  static_cast<std::uint64_t>(position));
  append(user, taken[random_below(pick, taken.size())], step, position, columns);
}

void TripleSource::append(Index user, Index positive, Index step, Index position,
                          TripleColumns& columns) const {
  const auto s = static_cast<std::uint64_t>(step);
  const auto p = static_cast<std::uint64_t>(position);
  const std::span<const std::int32_t> taken = dataset_.items_of(Split::train, user);
  // Attempts are numbered above the position: one stream of draws for each sample.
  Index negative = 0;
  for (std::uint64_t attempt = 0;; ++attempt) {
    const RandomBits bits = random_bits(key(Purpose::sample_negative), s, p | (attempt << 40));
    negative = static_cast<Index>(random_below(bits, static_cast<std::uint64_t>(dataset_.items())));
    if (!std::binary_search(taken.begin(), taken.end(), static_cast<std::int32_t>(negative))) break;
  }
  columns.user.rows.push_back(dataset_.row_of_user(user));
  columns.positive.rows.push_back(dataset_.row_of_item(positive));
  columns.negative.rows.push_back(dataset_.row_of_item(negative));
}

}  // namespace chorale
