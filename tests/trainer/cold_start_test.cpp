// MMHCL on a cold-start split: items that nobody has in training are reached through their features
// alone.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include "comm/self_communicator.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"

namespace chorale::test {
namespace {

std::filesystem::path make_cold_dataset(const std::filesystem::path& folder) {
  const auto source = folder / "source";
  write_planted_communities(
      {.users = 211, .items = 97, .communities = 6, .items_per_user = 12, .seed = 5, .features = 7},
      source);
  prepare({.format = "lightgcn",
           .source = source,
           .out = folder / "data",
           .cold_items = 0.2,
           .lanes = 12,
           .features = {{"image", Features::Side::item, source / "item_features.npy"}}});
  return folder / "data";
}

Index users_with_truth(const Dataset& data, Split split) {
  Index users = 0;
  for (Index u = 0; u < data.users(); ++u) users += data.items_of(split, u).empty() ? 0 : 1;
  return users;
}

const Table& table(Experiment& e, const std::string& name) {
  for (const Table* t : e.tables()) {
    if (t->name() == name) return *t;
  }
  throw Error(Exit::internal, "no table " + name, "");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cold_start)

BOOST_AUTO_TEST_CASE(mmhcl_gives_cold_items_a_direction_and_evaluates_users_with_truth) {
  const TemporaryFolder folder;
  const auto data = make_cold_dataset(folder.path());
  const v1::Config config = tiny_config(CHORALE_SOURCE_DIR "/configs/tiny/mmhcl.pbtxt", data);
  const auto comm = make_self_communicator();
  Experiment e(config, *comm, 1);
  train_steps(e, 0, 5);

  for (const Split split : {Split::validation, Split::test}) {
    const Index users = users_with_truth(e.dataset(), split);
    BOOST_TEST(users > 0);
    BOOST_TEST(users < e.dataset().users());
    BOOST_TEST(e.evaluate(split).users == users);
  }
  // Without interactions the mean over layers is e / (layers + 1), so the rest of z is h / |h|: of
  // length 1, and of length 0 if the hypergraph did not reach the item.
  const Table& ego = table(e, "mmhcl.ego");
  const ConstView z = e.represent();
  Index cold = 0;
  for (Index item = 0; item < e.dataset().items(); ++item) {
    if (!e.dataset().users_of(item).empty()) continue;
    ++cold;
    const Index row = e.dataset().row_of_item(item);
    double squares = 0;
    for (Index j = 0; j < z.cols; ++j) {
      const auto own = static_cast<double>(ego.values()(row, j));
      squares += std::pow(z(row, j) - own / (config.model().mmhcl().layers() + 1), 2);
    }
    // 12 columns of at most 1, rounded in the normalisation and in the sum.
    BOOST_TEST(std::abs(squares - 1) <=
               12 * 4 * static_cast<double>(std::numeric_limits<Real>::epsilon()));
  }
  BOOST_TEST(cold >= 19);  // a fifth of 97; more if an item has no interactions at all
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test
