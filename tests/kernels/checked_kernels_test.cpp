// Each kind of broken contract is caught and named.
#include "kernels/checked_kernels.h"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <string>
#include <vector>

#include "kernels/check.h"
#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

struct Fixture {
  ReferenceKernels reference;
  std::unique_ptr<Kernels> k = make_checked_kernels(reference);
  std::vector<Real> memory = std::vector<Real>(400, 1), other = memory, third = memory;
  View x{memory.data(), 4, 5}, y{other.data(), 4, 5}, z{third.data(), 4, 5};
  std::vector<Index> begin{0, 1, 2, 3, 4};
  std::vector<LocalIndex> columns{0, 1, 2, 3};
  CsrView a{4, 4, 0, begin.data(), columns.data(), memory.data(), 4};

  // The call must fail with a message that holds both words.
  template <class Call>
  void refused(const std::string& kernel, const std::string& reason, Call call,
               Exit code = Exit::internal) {
    BOOST_CHECK_EXCEPTION(call(), Error, [&](const Error& e) {
      const std::string text = e.what();
      BOOST_TEST_MESSAGE(text);
      return e.code() == code && text.find(kernel + ":") != std::string::npos &&
             text.find(reason) != std::string::npos;
    });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(checked_kernels_suite, Fixture)

BOOST_AUTO_TEST_CASE(wrong_shapes_are_refused) {
  refused("copy", "expected (4, 5)", [&] { k->copy(x.row_block(0, 3), y); });
  refused("gemm", "expected (4, 5)", [&] {
    k->gemm(x.col_block(0, 4), View(other.data(), 5, 2), {third.data(), 4, 2});
  });
  refused("bpr", "lanes", [&] {
    const std::vector<Index> lanes{0, 3};
    k->bpr(x, x, x, lanes, View(other.data(), 4, 1), View(third.data(), 1, 1));
  });
}

BOOST_AUTO_TEST_CASE(a_stride_below_the_columns_is_refused) {
  refused("fill", "stride", [&] { k->fill(1, View(memory.data(), 4, 5, 4)); });
}

BOOST_AUTO_TEST_CASE(overlap_is_refused_and_interleaved_columns_are_not) {
  refused("axpy", "overlaps", [&] { k->axpy(1, x, x); });
  refused("copy", "overlaps", [&] { k->copy(View(memory.data() + 3, 4, 5), x); });
  const View wide(memory.data(), 4, 10);
  refused("copy", "overlaps", [&] { k->copy(wide.col_block(0, 5), wide.col_block(4, 9)); });
  BOOST_CHECK_NO_THROW(k->copy(wide.col_block(0, 5), wide.col_block(5, 10)));
}

BOOST_AUTO_TEST_CASE(indices_out_of_range_are_refused) {
  const std::vector<LocalIndex> bad{0, 4, 1, 2}, negative{0, -1, 1, 2};
  refused("gather_rows", "expected [0, 4)", [&] { k->gather_rows(x, bad, y); });
  refused("gather_rows", "is -1", [&] { k->gather_rows(x, negative, y); });
  a.columns = bad.data();
  refused("spmm", "expected [0, 4)", [&] { k->spmm(a, x, {}, y); });
  a.columns = columns.data();
  BOOST_CHECK_NO_THROW(k->spmm(a, x, {}, y));
}

BOOST_AUTO_TEST_CASE(a_number_of_entries_that_is_not_theirs_is_refused) {
  a.entries = 3;
  refused("spmm", "entries", [&] { k->spmm(a, x, {}, y); });
  const std::vector<Index> ends{0, 1, 2, 3, 4};
  refused("add_segments", "entries", [&] {
    k->add_segments(x, {columns, ends.data(), columns.data(), 5}, y);
  });
}

BOOST_AUTO_TEST_CASE(long_rows_that_are_not_the_matrix_s_are_refused) {
  const std::vector<Index> list{0, 0, 1, 0, 1};
  a.long_rows = {1, 1, list.data(), list.data() + 1, list.data() + 3};
  refused("spmm", "long rows", [&] { k->spmm(a, x, {}, y); });
}

BOOST_AUTO_TEST_CASE(a_matrix_whose_rows_run_backwards_is_refused) {
  begin = {0, 2, 1, 3, 4};
  refused("spmm", "not ascending", [&] { k->spmm(a, x, {}, y); });
}

BOOST_AUTO_TEST_CASE(products_in_bf16_that_do_not_fit_are_refused) {
  std::vector<Bf16> numbers(40), others(40);
  const Bf16View operand{numbers.data(), 4, 5, 5}, rounded{others.data(), 4, 5, 5};
  const auto product = [&](const Bf16Product& p) { k->spmm_bf16(a, p); };
  const std::vector<LocalIndex> two{1, 3};
  BOOST_CHECK_NO_THROW(product({.x = operand, .rounded = rounded}));
  refused("spmm_bf16", "expected (4, 5)", [&] {
    product({.x = operand, .rounded = {others.data(), 3, 5, 5}});
  });
  refused("spmm_bf16", "overlaps", [&] { product({.x = operand, .rounded = operand}); });
  refused("spmm_bf16", "beside", [&] { product({.x = operand, .y = y, .rounded = rounded}); });
  refused("spmm_bf16", "expected (2, 5)",
          [&] { product({.x = operand, .rows = Rows(two), .y = y}); });
  refused("to_bf16", "expected (4, 5)",
          [&] { k->to_bf16(1, x.row_block(0, 3), {}, false, rounded); });
  memory[7] = std::numeric_limits<Real>::infinity();
  refused(
      "to_bf16", "inf", [&] { k->to_bf16(1, x, {}, false, rounded); }, Exit::non_finite);
}

BOOST_AUTO_TEST_CASE(groups_and_pairs_that_do_not_fit_are_refused) {
  const std::vector<Index> short_of{0, 3}, three{0, 1, 2, 4};
  const View w(third.data(), 1, 25);
  refused("grouped_gemm", "groups do not", [&] { k->grouped_gemm(x, short_of, w, y); });
  refused("grouped_gemm_tn", "expected 1", [&] { k->grouped_gemm_tn(x, three, y, w); });
  const std::vector<LocalIndex> one{3}, out{4};
  const View dots(third.data(), 4, 1);
  refused("dot_pairs", "a second row is 4", [&] { k->dot_pairs({one, out, one}, x, y, dots); });
  BOOST_CHECK_NO_THROW(k->dot_pairs({one, one, one}, x, y, dots));
}

BOOST_AUTO_TEST_CASE(a_row_updated_twice_is_refused) {
  const std::vector<LocalIndex> twice{0, 1, 1, 2};
  refused("sgd", "twice", [&] { k->sgd({.rate = 1}, x, twice, y); });
  const std::vector<Index> ends{0, 1, 2, 3, 4};
  refused("add_segments", "twice", [&] {
    k->add_segments(x, {twice, ends.data(), columns.data()}, y);
  });
}

BOOST_AUTO_TEST_CASE(numbers_out_of_range_are_refused) {
  const std::vector<Index> names(4, 0);
  refused("dropout", "rate is 1", [&] { k->dropout({.rate = 1}, names.data(), x, y); });
  refused("adam", "step is 0", [&] { k->adam({.rate = 1, .step = 0}, x, y, z, z); });
}

BOOST_AUTO_TEST_CASE(pairs_that_do_not_fit_are_refused) {
  const std::vector<Index> names(4, 0);
  const View sums(third.data(), 4, 1);
  refused("exp_sums", "expected (4, 5)",
          [&] { k->exp_sums({}, x, View(other.data(), 4, 4), 0, sums); });
  refused("exp_sums", "the end of the own rows", [&] { k->exp_sums({}, x, y, 1, sums); });
  refused("max_products", "lists of names",
          [&] { k->max_products({.a_names = names.data()}, x, y, 0, sums); });
  refused("exp_self_sums", "lists of names", [&] {
    k->exp_self_sums({.a_names = names.data(), .b_names = names.data()}, x, 0, sums);
  });
  refused("exp_sums_grad", "overlaps", [&] { k->exp_sums_grad({}, x, y, sums, 0, z, 0, z); });
}

BOOST_AUTO_TEST_CASE(masked_items_out_of_order_are_refused) {
  const std::vector<Index> ids(4, 0), ends{0, 2, 2, 2, 2};
  const std::vector<LocalIndex> masked{2, 1};
  std::vector<Index> best_ids(4, -1);
  std::vector<Real> scores(4, -1);
  refused("update_top_k", "not ascending", [&] {
    k->update_top_k(x, y, ids.data(), {ends.data(), masked.data()},
                    {4, 1, scores.data(), best_ids.data()});
  });
}

BOOST_AUTO_TEST_CASE(results_that_are_not_finite_are_refused) {
  x(2, 3) = std::numeric_limits<Real>::infinity();
  refused(
      "axpy", "y(2, 3) is inf", [&] { k->axpy(1, x, y); }, Exit::non_finite);
  x(2, 3) = std::numeric_limits<Real>::quiet_NaN();
  const std::vector<Index> ids{0, 1, 2, 3}, ends(5, 0);
  std::vector<Index> best_ids(4, -1);
  std::vector<Real> scores(4, -1);
  refused(
      "update_top_k", "NaN",
      [&] {
        k->update_top_k(x, y, ids.data(), {ends.data(), nullptr},
                        {4, 1, scores.data(), best_ids.data()});
      },
      Exit::non_finite);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale
