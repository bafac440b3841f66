// Matrices of more entries than the host holds at once are made in blocks of rows.
#include "graph/csr_rows.h"

#include <atomic>
#include <boost/test/unit_test.hpp>

#include "kernels/check.h"
#include "kernels/device.h"
#include "kernels/plan_device.h"

namespace chorale {
namespace {

// Row r has lengths[r] entries: column e, value (r + e) mod 1024.
class Computed final : public RowSource {
 public:
  explicit Computed(std::vector<Index> lengths) : lengths_(std::move(lengths)) {}
  Index entries(Index row) const override { return lengths_[static_cast<std::size_t>(row)]; }
  void fill(Index row, std::span<Index> columns, std::span<Real> values) const override {
    ++filled_;
    for (std::size_t e = 0; e < columns.size(); ++e) {
      columns[e] = static_cast<Index>(e);
      values[e] = value(row, static_cast<Index>(e));
    }
  }
  int filled() const { return filled_; }  // rows, each as often as it was asked for
  static Real value(Index row, Index e) { return static_cast<Real>((row + e) % 1024); }

 private:
  std::vector<Index> lengths_;
  mutable std::atomic<int> filled_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(csr_rows)

// A block holds 2^22 entries: rows that fill one with others, that are longer than one, and empty
// ones at its borders.
BOOST_AUTO_TEST_CASE(blocks_of_rows_make_one_matrix) {
  const Index block = Index{1} << 22;
  const std::vector<Index> lengths = {0, block / 2, block / 2, 0, 7, block + 3, 0, block - 5, 11};
  const Index columns = block + 3;
  const auto device = make_device({});
  const Lanes lanes = make_lanes(1, 1, 0);
  const auto rows = static_cast<Index>(lengths.size());

  for (const int threads : {1, 2}) {
    const CsrArrays a = make_csr(*device, Partition::uniform(rows, lanes),
                                 Partition::uniform(columns, lanes), Computed(lengths), threads);

    Index wrong = 0, next = 0;
    for (Index r = 0; r < rows; ++r) {
      BOOST_TEST(a.row_begin.data()[r] == next);
      for (Index e = 0; e < lengths[static_cast<std::size_t>(r)]; ++e, ++next) {
        if (a.columns.data()[next] != e || a.values.data()[next] != Computed::value(r, e)) ++wrong;
      }
    }
    BOOST_TEST(wrong == 0);
    BOOST_TEST(a.nonzeros == next);
    BOOST_TEST(a.ghosts.empty());
    BOOST_TEST(a.long_rows.rows == 4);
  }
}

BOOST_AUTO_TEST_CASE(a_plan_takes_the_same_memory_and_fills_rows_only_to_find_ghosts) {
  const auto device = make_device({}), plan = make_plan_device(PlanKind::quick);
  for (const int ranks : {1, 2}) {
    const Lanes lanes = make_lanes(2, ranks, 0);
    const Partition rows = Partition::uniform(4, lanes), columns = Partition::uniform(7, lanes);
    const Computed source({3, 7, 0, 5});

    const CsrArrays made = make_csr(*device, rows, columns, source, 1);
    const int filled = source.filled();
    const CsrArrays planned = make_csr(*plan, rows, columns, source, 1);

    BOOST_TEST(planned.nonzeros == made.nonzeros);
    BOOST_TEST(planned.ghosts == made.ghosts);
    BOOST_TEST(plan->bytes_in_use() == device->bytes_in_use());
    BOOST_TEST(source.filled() - filled == (ranks == 1 ? 0 : rows.local_rows()));
  }
}

BOOST_AUTO_TEST_CASE(a_column_outside_is_an_error) {
  const auto device = make_device({});
  const Lanes lanes = make_lanes(1, 1, 0);

  BOOST_CHECK_THROW(make_csr(*device, Partition::uniform(1, lanes), Partition::uniform(3, lanes),
                             Computed({4}), 1),
                    Error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale
