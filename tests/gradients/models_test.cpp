// Contracts `gradients` and `textbook`, in double: the tape against central differences, and the
// vectors against a dense transcription of each paper's formula.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include "comm/lane_sum.h"
#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "comm/typed.h"
#include "tests/gradients/textbook.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"

namespace chorale::test {
namespace {

// The whole gradient of a table on every rank, zero where there is none.
std::vector<Real> whole_gradient(Experiment& e, Table& table) {
  const std::size_t size = static_cast<std::size_t>(table.rows() * table.cols());
  if (table.gradient().is_empty()) return std::vector<Real>(size, 0);
  const ConstView g = table.gradient().reduce_dense(e.tape().arena(), e.comm(), e.tape().lanes(),
                                                    table.local_rows(), table.cols());
  const std::span<const Real> mine(g.data, static_cast<std::size_t>(g.size()));
  if (table.layout() == Layout::replicated) return {mine.begin(), mine.end()};
  return gather_all<Real>(e.comm().host(), mine);
}

// The element (row, column) of a table where this rank holds it, or null.
Real* element(Table& table, Index row, Index column) {
  if (table.layout() == Layout::replicated) return &table.values()(row, column);
  if (!table.partition().owns(row)) return nullptr;
  return &table.values()(row - table.partition().first(), column);
}

// Of the first and of the last step of an epoch: the last is of another phase where there are more.
void check_gradients(const v1::Config& config, int ranks, bool last) {
  // With h = 1e-5 the truncation error is h^2 f''' / 6 ~ 1e-11 f''' and the rounding error eps f /
  // h ~ 1e-11 f; losses here are below 6 and their third derivatives below 100 (1.4 was the largest
  // found). A fault of 1 % in an adjoint gives 1e-5.
  constexpr double kStep = 1e-5, kTolerance = 5e-9;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    Experiment e(config, comm, 1);
    const Index step = last ? e.steps_per_epoch() - 1 : 0;
    e.differentiate(step);
    std::vector<std::vector<Real>> gradients;
    for (Table* table : e.tables()) gradients.push_back(whole_gradient(e, *table));
    double largest = 0;
    for (std::size_t t = 0; t < gradients.size(); ++t) {
      Table& table = *e.tables()[t];
      for (std::uint64_t i = 0; i < 12; ++i) {
        const RandomBits bits = random_bits({Purpose::test, 1}, t, i);
        const auto at = static_cast<Index>(random_below(bits, gradients[t].size()));
        Real* x = element(table, at / table.cols(), at % table.cols());
        if (x != nullptr) *x += kStep;
        const double above = e.differentiate(step);
        if (x != nullptr) *x -= 2 * kStep;
        const double below = e.differentiate(step);
        if (x != nullptr) *x += kStep;
        const double expected = (above - below) / (2 * kStep);
        largest = std::max(largest, std::abs(expected));
        if (comm.rank() != 0) continue;  // Boost.Test speaks with one thread
        BOOST_TEST_INFO(table.name() << " element " << at << " on " << ranks << " ranks");
        BOOST_TEST(std::abs(gradients[t][static_cast<std::size_t>(at)] - expected) <= kTolerance);
      }
    }
    if (comm.rank() == 0) BOOST_TEST(largest > 1e-4);  // the elements tried do matter
  });
}

// Rounding to bf16 has no derivative and is in no paper.
v1::Config in_double(const std::filesystem::path& file, const std::filesystem::path& data) {
  return tiny_config(file, data, {"model.propagation=FP32"});
}

BOOST_AUTO_TEST_SUITE(models)

BOOST_AUTO_TEST_CASE(gradients_are_central_differences_on_one_and_on_three_ranks) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path(), 41, 29);
  for (const auto& file : tiny_configs()) {
    BOOST_TEST_CONTEXT(file.filename().string()) {
      for (const bool last : {false, true}) {
        check_gradients(in_double(file, data), 1, last);
        check_gradients(in_double(file, data), 3, last);
      }
    }
  }
}

// So few that layers are computed at the rows of the batch alone: 3 x 9 ids of 88 nodes.
BOOST_AUTO_TEST_CASE(gradients_of_small_batches_are_central_differences) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path(), 41, 29);
  for (const char* name : {"lightgcn", "ngcf", "kgat"}) {
    for (const auto& file : tiny_configs()) {
      if (file.stem() != name) continue;
      const v1::Config config =
          tiny_config(file, data, {"model.propagation=FP32", "train.batch=9"});

      BOOST_TEST_CONTEXT(name) {
        check_gradients(config, 1, false);
        check_gradients(config, 3, false);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(vectors_are_what_the_papers_formula_says) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path(), 31, 25);
  for (const auto& file : tiny_configs()) {
    const v1::Config config = in_double(file, data);
    const auto comm = make_self_communicator();
    Experiment e(config, *comm, 1);
    // Away from the initial values, to the end of an epoch.
    const Index epoch = e.steps_per_epoch();
    train_steps(e, 0, (2 + epoch) / epoch * epoch);

    const Dense expected = textbook(model_name(config.model()))(config.model(), e);
    const ConstView found = e.represent();

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST_REQUIRE(found.rows == static_cast<Index>(expected.size()));
      for (Index i = 0; i < found.rows; ++i) {
        BOOST_TEST_REQUIRE(found.cols ==
                           static_cast<Index>(expected[static_cast<std::size_t>(i)].size()));
        for (Index j = 0; j < found.cols; ++j) {
          // At most a few hundred terms of size below 10 in double: 1e-12.
          BOOST_TEST(std::abs(found(i, j) -
                              expected[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]) <=
                     1e-12);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
