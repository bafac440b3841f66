#include "trainer/data/shared_negatives.h"

#include "kernels/random.h"

namespace chorale {

void SharedNegatives::draw(Index step, Batch& batch) const {
  IdColumn& column = batch.start("shared_negative", part_);
  const RandomKey key{Purpose::sample_shared, seed_};
  for (Index j = part_.first(); j < part_.last(); ++j) {
    const RandomBits bits =
        random_bits(key, static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(j));
    column.rows.push_back(dataset_.row_of_item(
        static_cast<Index>(random_below(bits, static_cast<std::uint64_t>(dataset_.items())))));
  }
}

}  // namespace chorale
