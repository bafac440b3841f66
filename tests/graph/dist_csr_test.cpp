// The distributed matrix: one rank and many agree to the bit; the transpose is the adjoint.
// The matrix, its halo and its transpose are the same on any number of ranks, empty ones included.
#include "graph/dist_csr.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "comm/self_communicator.h"
#include "comm/timed_communicator.h"
#include "tests/graph/rank_world.h"

namespace chorale {
namespace {

constexpr Index kCols = 3;
constexpr Index kColumns = 31;

Partition column_partition(const Communicator& comm) {
  return Partition::uniform(kColumns, {8, comm.size(), comm.rank()});
}

// 200 entries of a 23 x 31 matrix, some at the same position, in no order; this rank's part.
std::vector<Triplet> entries_of(const Partition& rows, bool integers) {
  std::vector<Triplet> entries;
  for (Index e = 0; e < 200; ++e) {
    const Index row = test_below(11, e, 23), column = test_below(12, e, kColumns);
    const Real value = integers ? test_integer(13, e, 0) : test_real(13, e, 0);
    if (rows.owns(row)) entries.push_back({row, column, value});
  }
  return entries;
}

DistCsr matrix_of(RankWorld& w, Communicator& comm, bool integers) {
  const Partition rows = uneven_partition(comm);
  return DistCsr(*w.device, comm, rows, column_partition(comm), entries_of(rows, integers), false);
}

Matrix product(RankWorld& w, const DistCsr& a, Matrix x) {
  Matrix ghost(a.ghosts(), x.d), y(a.row_partition().local_rows(), x.d);
  a.halo().pull(w.arena, x.view(), ghost.view());
  w.device->kernels().spmm(a.view(), x.view(), ghost.view(), y.view());
  return y;
}

// The global column of every entry, in the order they are stored.
std::vector<Index> global_columns(RankWorld& w, const DistCsr& a) {
  const Partition& p = a.column_partition();
  Matrix own = own_rows(p, 1, [](Index i, Index) { return static_cast<Real>(i); });
  Matrix ghost(a.ghosts(), 1);
  a.halo().pull(w.arena, own.view(), ghost.view());
  std::vector<Index> columns;
  for (Index e = 0; e < a.nonzeros(); ++e) {
    const LocalIndex c = a.view().columns[e];
    columns.push_back(c < a.view().n_own ? p.first() + c
                                         : static_cast<Index>(ghost(c - a.view().n_own, 0)));
  }
  return columns;
}

std::vector<Triplet> triplets(RankWorld& w, const DistCsr& a) {
  const std::vector<Index> columns = global_columns(w, a);
  std::vector<Triplet> all;
  for (Index i = 0; i < a.view().rows; ++i) {
    for (Index e = a.view().row_begin[i]; e < a.view().row_begin[i + 1]; ++e) {
      all.push_back({a.row_partition().first() + i, columns[static_cast<std::size_t>(e)],
                     a.view().values[e]});
    }
  }
  return all;
}

bool same(const std::vector<Triplet>& a, const std::vector<Triplet>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Triplet& s, const Triplet& t) {
    return s.row == t.row && s.column == t.column && s.value == t.value;
  });
}

std::vector<Triplet> all_triplets(Communicator& comm, RankWorld& w, const DistCsr& a) {
  return gather_all<Triplet>(comm, triplets(w, a));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dist_csr)

// Rank 1 of 2 owns rows and columns 2 and 3 of a 4 x 4 matrix. Its row 2 holds columns 3, 0 and 1,
// its row 3 column 2. Own columns are 0 and 1, ghosts (0 and 1) are 2 and 3, in ascending global
// column.
BOOST_AUTO_TEST_CASE(columns_are_own_rows_first_then_ghosts) {
  run_thread_ranks(2, [](Communicator& comm) {
    RankWorld w;
    const Partition p = Partition::uniform(4, make_lanes(2, 2, comm.rank()));
    std::vector<Triplet> entries;
    if (comm.rank() == 1) entries = {{2, 3, 30}, {3, 2, 20}, {2, 0, 1}, {2, 1, 10}};
    const DistCsr a(*w.device, comm, p, p, entries, false);
    if (comm.rank() == 0) {
      require(a.nonzeros() == 0 && a.ghosts() == 0, "rank 0 has nothing");
      return;
    }
    const CsrView v = a.view();
    require(v.rows == 2 && v.n_own == 2 && v.n_ghost == 2, "shape");
    require(std::vector<Index>(v.row_begin, v.row_begin + 3) == std::vector<Index>{0, 3, 4},
            "rows");
    require(
        std::vector<LocalIndex>(v.columns, v.columns + 4) == std::vector<LocalIndex>{2, 3, 1, 0},
        "columns");
    require(std::vector<Real>(v.values, v.values + 4) == std::vector<Real>{1, 10, 30, 20},
            "values");
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(halo_of_one_rank_is_empty) {
  RankWorld w;
  const auto comm = make_self_communicator();

  const DistCsr a = matrix_of(w, *comm, false);

  BOOST_TEST(a.ghosts() == 0);
  BOOST_TEST(a.transposed().ghosts() == 0);
}

BOOST_AUTO_TEST_CASE(entries_are_sorted_and_equal_positions_keep_their_order) {
  RankWorld w;
  const auto comm = make_self_communicator();
  const Partition p = Partition::uniform(3, make_lanes(1, 1, 0));
  const DistCsr a(*w.device, *comm, p, p, {{2, 1, 5}, {0, 2, 3}, {2, 1, 4}, {2, 0, 1}, {2, 1, 6}},
                  false);

  BOOST_TEST(same(triplets(w, a), {{0, 2, 3}, {2, 0, 1}, {2, 1, 5}, {2, 1, 4}, {2, 1, 6}}));
  BOOST_TEST(
      same(triplets(w, a.transposed()), {{0, 2, 1}, {1, 2, 5}, {1, 2, 4}, {1, 2, 6}, {2, 0, 3}}));
}

BOOST_AUTO_TEST_CASE(matrix_and_transpose_are_the_same_on_any_ranks) {
  std::vector<Triplet> alone, transpose_alone;
  for (const int ranks : {1, 2, 3, 5, 8}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      RankWorld w;
      const DistCsr a = matrix_of(w, comm, false);
      const auto all = all_triplets(comm, w, a);
      const auto transpose = all_triplets(comm, w, a.transposed());
      if (comm.size() == 1) {
        alone = all;
        transpose_alone = transpose;
      }
      require(same(all, alone) && alone.size() == 200, "the matrix differs");
      require(same(transpose, transpose_alone), "the transpose differs");
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(transposed_twice_is_the_matrix) {
  for (const int ranks : {1, 3}) {
    run_thread_ranks(ranks, [](Communicator& comm) {
      RankWorld w;
      const DistCsr a = matrix_of(w, comm, false);
      const DistCsr& t = a.transposed();
      const DistCsr b(*w.device, comm, t.row_partition(), t.column_partition(), triplets(w, t),
                      false);
      require(&t != &a && &t.transposed() == &a, "the transpose knows its matrix");
      require(same(triplets(w, b.transposed()), triplets(w, a)), "entries differ");
      require(b.transposed().row_partition() == a.row_partition(), "partitions differ");
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(transpose_follows_a_move) {
  RankWorld w;
  const auto comm = make_self_communicator();
  DistCsr a = matrix_of(w, *comm, false);
  const DistCsr b = std::move(a);
  const Partition p = Partition::uniform(2, make_lanes(1, 1, 0));
  DistCsr s(*w.device, *comm, p, p, {{0, 1, 1}, {1, 0, 1}}, true);
  const DistCsr moved = std::move(s);

  BOOST_TEST(&b.transposed().transposed() == &b);
  BOOST_TEST(&moved.transposed() == &moved);
}

// <A x, y> = <x, A^T y>; integers, so exact.
BOOST_AUTO_TEST_CASE(transpose_is_the_adjoint) {
  for (const int ranks : {1, 2, 3, 5, 8}) {
    run_thread_ranks(ranks, [](Communicator& comm) {
      RankWorld w;
      const DistCsr a = matrix_of(w, comm, true);
      Matrix x = own_rows(a.column_partition(), kCols,
                          [](Index i, Index j) { return test_integer(21, i, j); });
      Matrix y = own_rows(a.row_partition(), kCols,
                          [](Index i, Index j) { return test_integer(22, i, j); });
      const Matrix ax = product(w, a, x), aty = product(w, a.transposed(), y);
      double left = 0, right = 0;
      for (std::size_t i = 0; i < y.values.size(); ++i) left += ax.values[i] * y.values[i];
      for (std::size_t i = 0; i < x.values.size(); ++i) right += x.values[i] * aty.values[i];
      double total_left = 0, total_right = 0, magnitude = 0;
      for (const double v : gather_all<double>(comm, std::span<const double>(&left, 1))) {
        total_left += v;
        magnitude += std::abs(v);
      }
      for (const double v : gather_all<double>(comm, std::span<const double>(&right, 1))) {
        total_right += v;
      }
      require(total_left == total_right && magnitude > 0, "{} and {}", total_left, total_right);
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(product_is_the_dense_product) {
  Matrix dense(23, kColumns);
  for (const Triplet& t : entries_of(Partition::uniform(23, make_lanes(1, 1, 0)), true)) {
    dense(t.row, t.column) += t.value;
  }
  run_thread_ranks(3, [&](Communicator& comm) {
    RankWorld w;
    const DistCsr a = matrix_of(w, comm, true);
    Matrix y = product(w, a, own_rows(a.column_partition(), kCols, [](Index i, Index j) {
                         return test_integer(21, i, j);
                       }));
    for (Index i = 0; i < y.n; ++i) {
      for (Index j = 0; j < kCols; ++j) {
        Real expected = 0;
        for (Index c = 0; c < kColumns; ++c) {
          expected += Matrix(dense)(a.row_partition().first() + i, c) * test_integer(21, c, j);
        }
        require(y(i, j) == expected, "row {}: {}, expected {}", i, y(i, j), expected);
      }
    }
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(products_have_the_same_bits_on_any_ranks) {
  std::vector<Real> alone;
  for (const int ranks : {1, 2, 3, 5, 8}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      RankWorld w;
      const DistCsr a = matrix_of(w, comm, false);
      const auto value = [](Index i, Index j) { return test_real(31, i, j); };
      const Matrix y = product(w, a, own_rows(a.column_partition(), kCols, value));
      const Matrix x = product(w, a.transposed(), y);
      std::vector<Real> all = gather_all<Real>(comm, y.values);
      for (const Real v : gather_all<Real>(comm, x.values)) all.push_back(v);
      if (comm.size() == 1) alone = all;
      require(same_bits(all, alone) && all.size() == (23 + 31) * kCols, "bits differ");
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(symmetric_matrix_is_its_own_transpose) {
  RankWorld w;
  const auto comm = make_self_communicator();
  const Partition p = Partition::uniform(2, make_lanes(1, 1, 0));

  const DistCsr a(*w.device, *comm, p, p, {{0, 1, 2}, {1, 0, 2}}, true);

  BOOST_TEST(&a.transposed() == &a);
}

// 200 entries over 713 positions: some positions hold two or three.
BOOST_AUTO_TEST_CASE(assigned_values_are_those_of_a_matrix_built_with_them) {
  for (const int ranks : {1, 2, 3, 8}) {
    run_thread_ranks(ranks, [](Communicator& comm) {
      RankWorld w;
      const Partition rows = uneven_partition(comm);
      DistCsr a(*w.device, comm, rows, column_partition(comm), entries_of(rows, false), false,
                EdgeValues::assignable);
      const Partition& edges = a.edge_partition();
      require(edges.rows() == 200 && edges.local_rows() == a.nonzeros(), "the edges");
      Matrix values = own_rows(edges, 1, [](Index e, Index) { return test_real(61, e, 0); });
      std::vector<Triplet> wanted = triplets(w, a);
      for (std::size_t e = 0; e < wanted.size(); ++e) wanted[e].value = values.values[e];
      const DistCsr b(*w.device, comm, rows, column_partition(comm), wanted, false);

      a.assign(w.arena, values.view());

      require(same(triplets(w, a), triplets(w, b)), "the matrix differs");
      require(same(triplets(w, a.transposed()), triplets(w, b.transposed())),
              "the transpose differs");
      for (Real& v : values.values) v *= 2;
      a.assign(w.arena, values.view());
      w.arena.reset();
      a.assign(w.arena, values.view());
      const std::uint64_t asked = w.device->allocations();
      w.arena.reset();
      a.assign(w.arena, values.view());
      require(w.device->allocations() == asked, "memory was asked for");
      const std::vector<Triplet> doubled = triplets(w, a);
      for (std::size_t e = 0; e < wanted.size(); ++e) {
        require(doubled[e].value == 2 * wanted[e].value, "assigned twice");
      }
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(a_symmetric_matrix_takes_values_without_a_transpose) {
  RankWorld w;
  const auto comm = make_self_communicator();
  const Partition p = Partition::uniform(2, make_lanes(1, 1, 0));
  DistCsr a(*w.device, *comm, p, p, {{1, 0, 2}, {0, 1, 2}}, true, EdgeValues::assignable);
  DistCsr moved = std::move(a);
  Matrix values(2, 1, 5);

  moved.assign(w.arena, values.view());

  BOOST_TEST(same(triplets(w, moved.transposed()), {{0, 1, 5}, {1, 0, 5}}));
}

BOOST_AUTO_TEST_CASE(values_for_a_matrix_that_was_not_made_for_it_are_an_error) {
  RankWorld w;
  const auto comm = make_self_communicator();
  const Partition p = Partition::uniform(2, make_lanes(1, 1, 0));
  DistCsr fixed(*w.device, *comm, p, p, {{0, 1, 2}, {1, 0, 2}}, true);
  DistCsr a(*w.device, *comm, p, p, {{0, 1, 2}, {1, 0, 2}}, true, EdgeValues::assignable);
  Matrix two(2, 1), three(3, 1);

  BOOST_CHECK_THROW(fixed.assign(w.arena, two.view()), Error);
  BOOST_CHECK_THROW(a.assign(w.arena, three.view()), Error);
}

BOOST_AUTO_TEST_CASE(entries_outside_are_errors) {
  RankWorld w;
  const auto comm = make_self_communicator();
  const Partition p = Partition::uniform(2, make_lanes(1, 1, 0));
  const Partition wide = Partition::uniform(3, make_lanes(1, 1, 0));

  BOOST_CHECK_THROW(DistCsr(*w.device, *comm, p, p, {{2, 0, 1}}, true), Error);
  BOOST_CHECK_THROW(DistCsr(*w.device, *comm, p, p, {{0, -1, 1}}, true), Error);
  BOOST_CHECK_THROW(DistCsr(*w.device, *comm, p, p, {{0, 2, 1}}, true), Error);
  BOOST_CHECK_THROW(DistCsr(*w.device, *comm, p, wide, {}, true), Error);
}

BOOST_AUTO_TEST_CASE(products_in_bf16_are_the_same_bits_on_any_number_of_ranks) {
  std::vector<Real> alone;
  for (const int ranks : {1, 2, 3, 8}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      RankWorld w;
      const DistCsr a = matrix_of(w, comm, false);
      Matrix x = own_rows(a.column_partition(), kCols,
                          [](Index i, Index j) { return test_real(21, i, j); });
      Matrix marks = own_rows(a.column_partition(), 1,
                              [](Index i, Index) { return static_cast<Real>(i % 2); });
      Matrix y(a.row_partition().local_rows(), kCols), marked = y;
      const Bf16View rounded = w.arena.take_bf16(x.n, kCols);
      w.device->kernels().to_bf16(1, x.view(), {}, false, rounded);

      a.multiply_bf16(w.arena, {.x = rounded, .y = y.view()});
      a.multiply_bf16(w.arena, {.x = rounded, .marks = marks.view(), .y = marked.view()});

      std::vector<Real> all = gather_all<Real>(comm, y.values);
      const std::vector<Real> half = gather_all<Real>(comm, marked.values);
      all.insert(all.end(), half.begin(), half.end());
      if (comm.rank() != 0) return;
      if (ranks == 1) alone = all;
      BOOST_TEST(same_bits(all, alone), ranks << " ranks");
    });
  }
}

BOOST_AUTO_TEST_CASE(halos_in_bf16_are_half_the_bytes) {
  run_thread_ranks(3, [&](Communicator& comm) {
    RankWorld w;
    const auto timed = make_timed_communicator(comm);
    const Partition rows = uneven_partition(comm);
    const DistCsr a(*w.device, *timed, rows, column_partition(comm), entries_of(rows, false),
                    false);
    Matrix x =
        own_rows(a.column_partition(), 8, [](Index i, Index) { return static_cast<Real>(i); });
    Matrix y(rows.local_rows(), 8);
    const Bf16View rounded = w.arena.take_bf16(x.n, 8);
    w.device->kernels().to_bf16(1, x.view(), {}, false, rounded);
    const auto bytes_of = [&](const auto& multiply) {
      const Index before = timed->statistics()[Verb::all_to_all].bytes_sent;
      multiply();
      return timed->statistics()[Verb::all_to_all].bytes_sent - before;
    };

    const Index whole = bytes_of([&] { a.multiply(w.arena, x.view(), y.view()); });
    const Index half = bytes_of([&] { a.multiply_bf16(w.arena, {.x = rounded, .y = y.view()}); });

    require(2 * half == whole, "{} bytes in bf16, {} else", half, whole);
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale
