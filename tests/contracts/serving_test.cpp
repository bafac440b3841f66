// Contract `serving`: what is exported is what scores, for every model.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "comm/thread_communicator.h"
#include "graph/io/npy.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/export/export.h"

namespace chorale::test {
namespace {

// Trains a little, exports, and returns rank 0's view of all vectors that score, by node.
std::map<Index, std::vector<float>> export_trained(const v1::Config& config, int ranks,
                                                   const std::filesystem::path& to) {
  std::map<Index, std::vector<float>> vectors;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    Experiment e(config, comm, 1);
    train_steps(e, 0, 12);
    const ConstView z = e.represent();
    export_vectors({.to = to, .expected_users = 20, .k = 5}, e.comm(), e.device(), e.dataset(),
                   e.nodes(), z, e.evaluator());
    if (ranks > 1) return;
    for (Index row = 0; row < z.rows; ++row)
      vectors[e.dataset().node_of_row(row)].assign(z.row(row), z.row(row) + z.cols);
  });
  return vectors;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

BOOST_AUTO_TEST_SUITE(serving)

BOOST_AUTO_TEST_CASE(exported_vectors_are_those_that_score_and_give_the_expected_lists) {
  const TemporaryFolder folder;
  const auto data = make_tiny_dataset(folder.path());
  const Dataset set = Dataset::open(data);
  for (const auto& file : tiny_configs()) {
    const v1::Config config = tiny_config(file, data);
    const auto to = folder.path() / file.stem();
    const auto vectors = export_trained(config, 1, to);
    export_trained(config, 3, folder.path() / "three");

    BOOST_TEST_CONTEXT(file.filename().string()) {
      const NpyArray users = read_npy(to / "user_emb.npy"), items = read_npy(to / "item_emb.npy");
      BOOST_TEST_REQUIRE(users.rows == set.users());
      BOOST_TEST_REQUIRE(items.rows == set.items());
      for (Index u = 0; u < users.rows; ++u)
        BOOST_TEST(std::ranges::equal(users.row(u), vectors.at(u)));
      for (Index i = 0; i < items.rows; ++i)
        BOOST_TEST(std::ranges::equal(items.row(i), vectors.at(set.users() + i)));

      // The first item of a list scores at least as high as any that the user has not seen, but for
      // the rounding of sums of at most 40 products in float, each below 100.
      std::istringstream lists(bytes_of(to / "expected_topk.tsv"));
      std::string line, user, rank, item;
      std::getline(lists, line);
      Index checked = 0;
      while (lists >> user >> rank >> item && std::getline(lists, line)) {
        if (rank != "1") continue;
        const Index u = *set.find_user(user);
        const auto score = [&](Index i) {
          double sum = 0;
          for (std::size_t j = 0; j < users.row(u).size(); ++j)
            sum += static_cast<double>(users.row(u)[j]) * static_cast<double>(items.row(i)[j]);
          return sum;
        };
        const auto seen = set.items_of(Split::train, u);
        const double best = score(*set.find_item(item));
        for (Index i = 0; i < set.items(); ++i) {
          if (!std::ranges::binary_search(seen, static_cast<std::int32_t>(i)))
            BOOST_TEST(score(i) <= best + 40 * 100 * 6e-8);
        }
        ++checked;
      }
      BOOST_TEST(checked == 20);

      for (const char* name : {"user_emb.npy", "item_emb.npy", "expected_topk.tsv"})
        BOOST_TEST(bytes_of(to / name) == bytes_of(folder.path() / "three" / name));
    }
    std::filesystem::remove_all(folder.path() / "three");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
