// The sparse product of the CUDA kernels: bits do not depend on how a row is summed by whom, on
// where rows stand or on what stands beside them.
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/long_rows.h"
#include "kernels/random.h"
#include "kernels/reference/reference_kernels.h"
#include "tests/kernels/emulated/host_queue.h"

namespace chorale::test {
namespace {

// Rows around every boundary there is: empty, as many entries as lanes, as a chunk, one more.
constexpr Index kLengths[] = {0, 1, 4, 5, 16, 17, 31, 33, 0, 127, 128, 129, 256, 257, 2500, 3, 0};
constexpr Index kRows = static_cast<Index>(std::size(kLengths)), kOperand = 97;

struct Matrix {
  std::vector<Index> begin{0};
  std::vector<LocalIndex> columns;
  std::vector<Real> values;
  LongRowList long_rows;

  explicit Matrix(std::span<const Index> lengths) {
    for (Index length : lengths) {
      for (Index e = 0; e < length; ++e) {
        const auto at = static_cast<std::uint64_t>(columns.size());
        columns.push_back(static_cast<LocalIndex>(
            random_below(random_bits({Purpose::test, 1}, 0, at), kOperand)));
        values.push_back(static_cast<Real>(random_uniform({Purpose::test, 2}, 0, at) - 0.5));
      }
      begin.push_back(static_cast<Index>(columns.size()));
    }
    long_rows = cut_long_rows(begin);
  }

  CsrView view(Index n_own, bool with_long_rows) const {
    return {.rows = static_cast<Index>(begin.size()) - 1,
            .n_own = n_own,
            .n_ghost = kOperand - n_own,
            .row_begin = begin.data(),
            .columns = columns.data(),
            .values = values.data(),
            .entries = begin.back(),
            .long_rows = with_long_rows ? long_rows.at(long_rows.list.data()) : LongRows{}};
  }
};

// A matrix of numbers that are a function of row and column, in memory of any stride and offset.
struct Dense {
  std::vector<Real> memory;
  View view;

  Dense(Index rows, Index cols, Index stride, Index offset, std::uint64_t name)
      : memory(static_cast<std::size_t>(rows * stride + offset), Real(77)),
        view(memory.data() + offset, rows, cols, stride) {
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < cols; ++j) {
        view(i, j) =
            static_cast<Real>(random_uniform({Purpose::test, name}, static_cast<std::uint64_t>(i),
                                             static_cast<std::uint64_t>(j)) -
                              0.5);
      }
    }
  }
  std::vector<Real> rows() const {
    std::vector<Real> all;
    for (Index i = 0; i < view.rows; ++i) {
      all.insert(all.end(), view.row(i), view.row(i) + view.cols);
    }
    return all;
  }
};

struct How {
  bool with_long_rows = true;
  Index extra_stride = 0, offset = 0;
  Index n_own = kOperand;
  bool add = false;
};

// x in bf16, in memory of its stride and offset.
struct DenseBf16 {
  std::vector<Bf16> memory;
  Bf16View view;

  DenseBf16(ConstView x, Index stride, Index offset)
      : memory(static_cast<std::size_t>(x.rows * stride + offset), Bf16{0x4641}),
        view{memory.data() + offset, x.rows, x.cols, stride} {
    for (Index i = 0; i < x.rows; ++i) {
      for (Index j = 0; j < x.cols; ++j) view.row(i)[j] = round_to_bf16(x(i, j));
    }
  }
};

std::vector<Real> product(const Matrix& a, Index cols, const How& how) {
  HostQueue queue;
  const CudaKernels cuda(queue);
  const Index stride = cols + how.extra_stride;
  const Dense x(kOperand, cols, stride, how.offset, 3);
  const Dense y(static_cast<Index>(a.begin.size()) - 1, cols, stride, how.offset, 4);
  const ConstView own = x.view.row_block(0, how.n_own),
                  ghost = x.view.row_block(how.n_own, kOperand);
  const CsrView view = a.view(how.n_own, how.with_long_rows);
  if (how.add) {
    cuda.spmm_add(view, own, ghost, y.view);
  } else {
    cuda.spmm(view, own, ghost, y.view);
  }
  return y.rows();
}

// The same in bf16: rows of y, then rows that are rounded.
std::vector<Real> bf16_product(const Matrix& a, Index cols, const How& how) {
  HostQueue queue;
  const CudaKernels cuda(queue);
  const Index stride = cols + how.extra_stride, rows = static_cast<Index>(a.begin.size()) - 1;
  const Dense numbers(kOperand, cols, cols, 0, 3), y(rows, cols, stride, how.offset, 4);
  const DenseBf16 x(numbers.view, stride, how.offset), rounded(y.view, stride, how.offset);
  const ConstBf16View own{x.view.data, how.n_own, cols, stride},
      ghost{x.view.row(how.n_own), kOperand - how.n_own, cols, stride};
  const CsrView view = a.view(how.n_own, how.with_long_rows);
  cuda.spmm_bf16(view, {.x = own, .ghost = ghost, .y = y.view, .add = how.add});
  cuda.spmm_bf16(view, {.x = own, .ghost = ghost, .rounded = rounded.view});
  std::vector<Real> all = y.rows();
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) all.push_back(widen(rounded.view.row(i)[j]));
  }
  return all;
}

bool equal_bits(const std::vector<Real>& a, const std::vector<Real>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Real)) == 0;
}

BOOST_AUTO_TEST_SUITE(sparse_product)

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_lists_places_or_ghosts) {
  const Matrix a(kLengths);
  for (Index cols : {1, 4, 12, 16, 20, 32, 64, 96, 128, 132, 260}) {
    for (bool add : {false, true}) {
      const std::vector<Real> expected = product(a, cols, {.add = add}),
                              in_bf16 = bf16_product(a, cols, {.add = add});

      for (const How& how : {How{.with_long_rows = false}, How{.extra_stride = 4},
                             How{.extra_stride = 3}, How{.offset = 1}, How{.n_own = 40},
                             How{.with_long_rows = false, .extra_stride = 1, .n_own = 40}}) {
        How with = how;
        with.add = add;
        BOOST_TEST(equal_bits(product(a, cols, with), expected),
                   "long rows " << how.with_long_rows << ", stride + " << how.extra_stride
                                << ", offset " << how.offset << ", own " << how.n_own << ", cols "
                                << cols << ", add " << add);
        BOOST_TEST(equal_bits(bf16_product(a, cols, with), in_bf16),
                   "bf16, long rows " << how.with_long_rows << ", stride + " << how.extra_stride
                                      << ", offset " << how.offset << ", own " << how.n_own
                                      << ", cols " << cols << ", add " << add);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_row_does_not_depend_on_the_rows_beside_it) {
  const Matrix all(kLengths);
  const std::vector<Real> whole = product(all, 64, {});

  for (Index i = 0; i < kRows; ++i) {
    const std::size_t first = static_cast<std::size_t>(all.begin[static_cast<std::size_t>(i)]);
    const std::size_t last = static_cast<std::size_t>(all.begin[static_cast<std::size_t>(i) + 1]);
    Matrix one({&kLengths[i], 1});
    std::copy_n(all.columns.begin() + static_cast<std::ptrdiff_t>(first), last - first,
                one.columns.begin());
    std::copy_n(all.values.begin() + static_cast<std::ptrdiff_t>(first), last - first,
                one.values.begin());
    const auto row = whole.begin() + static_cast<std::ptrdiff_t>(i) * 64;

    BOOST_TEST(equal_bits(product(one, 64, {}), {row, row + 64}));
  }
}

BOOST_AUTO_TEST_CASE(a_column_does_not_depend_on_the_columns_beside_it) {
  const Matrix a(kLengths);
  const std::vector<Real> wide = product(a, 132, {});

  for (Index cols : {1, 7, 64, 65}) {
    const std::vector<Real> narrow = product(a, cols, {});
    for (Index i = 0; i < kRows; ++i) {
      const auto from = wide.begin() + static_cast<std::ptrdiff_t>(i) * 132;
      const auto row = narrow.begin() + static_cast<std::ptrdiff_t>(i * cols);
      BOOST_TEST(equal_bits({row, row + cols}, {from, from + cols}));
    }
  }
}

BOOST_AUTO_TEST_CASE(long_rows_are_cut_where_the_example_says) {
  const std::vector<Index> begin{0, 3, 303, 431};

  const LongRowList found = cut_long_rows(begin);

  BOOST_TEST(found.rows == 1);
  BOOST_TEST(found.chunks == 3);
  const std::vector<Index> list{1, 0, 3, 3, 131, 131, 259, 259, 303};
  BOOST_TEST(found.list == list, boost::test_tools::per_element());
}

// A library that notes what it is asked for.
class NotedLibrary final : public cuda::SparseLibrary {
 public:
  bool takes(const CsrView& a, Index) const override { return a.n_ghost == 0; }
  void multiply(const CsrView&, ConstView, bool add, View) override { asked.push_back(add); }
  void forget(const void*, std::size_t) override {}

  std::vector<bool> asked;
};

BOOST_AUTO_TEST_CASE(a_library_multiplies_what_it_takes) {
  const Matrix a(kLengths);
  HostQueue queue;
  NotedLibrary library;
  const CudaKernels cuda(queue, {}, &library);
  const Dense x(kOperand, 8, 8, 0, 3), y(kRows, 8, 8, 0, 4);

  cuda.spmm(a.view(kOperand, true), x.view, {}, y.view);
  cuda.spmm_add(a.view(kOperand, true), x.view, {}, y.view);
  cuda.spmm(a.view(90, true), x.view.row_block(0, 90), x.view.row_block(90, kOperand), y.view);

  BOOST_TEST(library.asked == (std::vector<bool>{false, true}), boost::test_tools::per_element());
  BOOST_TEST(equal_bits(y.rows(), product(a, 8, {.n_own = 90})));
}

BOOST_AUTO_TEST_CASE(narrow_keeps_the_numbers) {
  HostQueue queue;
  const std::vector<Index> wide{0, 5, 70000, 2147483647};
  std::vector<std::int32_t> found(4);

  cuda::narrow(queue, wide, found.data());

  BOOST_TEST(found == (std::vector<std::int32_t>{0, 5, 70000, 2147483647}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
