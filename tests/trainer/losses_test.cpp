// Losses on batches small enough to verify on paper, and the losses that a configuration chooses.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <numeric>

#include "comm/self_communicator.h"
#include "kernels/device.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale::test {
namespace {

using Points = std::vector<std::pair<double, double>>;

// Batches of points in the plane.
struct Plane {
  std::unique_ptr<Device> device = make_device({.kind = DeviceKind::reference});
  std::unique_ptr<Communicator> comm = make_self_communicator();
  Lanes lanes = make_lanes(2, 1, 0);
  Tape tape{*device, *comm, lanes, 1};
  std::vector<std::unique_ptr<Table>> tables;

  Plane() { tape.reset(0, true); }
  Var rows(const Points& points) {
    const auto n = static_cast<Index>(points.size());
    std::vector<Index> names(points.size());
    std::iota(names.begin(), names.end(), Index{0});
    tables.push_back(std::make_unique<Table>(*device, "points", Partition::uniform(n, lanes), 2,
                                             names, normal_values(1, "points", 1.0)));
    for (Index i = 0; i < n; ++i) {
      const auto [x, y] = points[static_cast<std::size_t>(i)];
      tables.back()->values()(i, 0) = static_cast<Real>(x);
      tables.back()->values()(i, 1) = static_cast<Real>(y);
    }
    return tape.leaf(*tables.back());
  }
};

// A dozen operations on numbers below 10 in float: 1e-5.
constexpr double kTolerance = 1e-5;

double mean(const std::vector<double>& losses, std::size_t first, std::size_t last) {
  return std::accumulate(losses.begin() + static_cast<std::ptrdiff_t>(first),
                         losses.begin() + static_cast<std::ptrdiff_t>(last), 0.0) /
         static_cast<double>(last - first);
}

BOOST_AUTO_TEST_SUITE(losses)

// The first and the third sample are one node: neither is a negative of the other. With T = 1/2 a
// cosine of 1 counts e^2, of 0 counts 1.
BOOST_AUTO_TEST_CASE(info_nce_of_three_samples_is_what_paper_says) {
  Plane p;
  const Var a = p.rows({{2, 0}, {0, 3}, {1, 0}}), b = p.rows({{1, 0}, {0, 4}, {1, 0}});
  const IdColumn ids{a.part(), {5, 6, 5}};

  const double found = p.tape.total(info_nce(a, b, ids, 0.5));

  const double e2 = std::exp(2.0);
  const double expected = (2 * std::log(e2 + 1) + std::log(e2 + 2)) / 3 - 2;
  BOOST_TEST(std::abs(found - expected) <= kTolerance);
}

BOOST_AUTO_TEST_CASE(alignment_is_the_mean_square_of_distances) {
  Plane p;
  const Var x = p.rows({{1, 0}, {0, 1}, {-1, 0}}), y = p.rows({{0, 1}, {0, 1}, {1, 0}});

  const double found = p.tape.total(alignment(x, y));

  BOOST_TEST(std::abs(found - (2.0 + 0.0 + 4.0) / 3) <= kTolerance);
}

// Squared distances of the three pairs: 2, 0 (one row twice) and 2.
BOOST_AUTO_TEST_CASE(uniformity_counts_each_pair_once_and_equal_rows_as_a_pair) {
  Plane p;
  const Var x = p.rows({{1, 0}, {0, 1}, {1, 0}}), two = p.rows({{1, 0}, {-1, 0}});

  const double found = p.tape.total(uniformity(x)), of_two = p.tape.total(uniformity(two));

  BOOST_TEST(std::abs(found - std::log((2 * std::exp(-4.0) + 1) / 3)) <= kTolerance);
  BOOST_TEST(std::abs(of_two - -8.0) <= kTolerance);
  BOOST_CHECK_THROW(uniformity(p.rows({{1, 0}})), Error);
}

BOOST_AUTO_TEST_CASE(every_encoder_learns_by_every_loss) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  for (const std::string model : {"mf", "lightgcn", "ngcf"}) {
    const std::filesystem::path file = CHORALE_SOURCE_DIR "/configs/tiny/" + model + ".pbtxt";
    for (const std::string loss : {"bpr", "sampled_softmax", "full_softmax", "info_nce"}) {
      const v1::Config config = tiny_config(
          file, data,
          {fmt::format("model.{}.loss={{{} {{}}}}", model, loss), "train.shared_negatives=40"});
      const auto comm = make_self_communicator();
      Experiment experiment(config, *comm, 1);

      const std::vector<double> found = train_steps(experiment, 0, 180).losses;

      BOOST_TEST(mean(found, 170, 180) < 0.9 * mean(found, 0, 10), model << " by " << loss);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
