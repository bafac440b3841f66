// Exported files hold what the evaluator scores: rankings are recomputed from the files alone, with
// another arithmetic, and compared with the sample that was exported beside them.
#include "trainer/export/export.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>

#include "comm/thread_communicator.h"
#include "graph/io/npy.h"
#include "graph/io/npy_writer.h"
#include "kernels/check.h"
#include "tests/trainer/random_dataset.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

constexpr Index kColumns = 16;
const std::vector<std::string> kFiles = {"user_emb.npy", "item_emb.npy",      "user_ids.tsv",
                                         "item_ids.tsv", "expected_topk.tsv", "manifest.json",
                                         "README.txt"};

Real normal(Index node, Index column) {
  return static_cast<Real>(random_normal({Purpose::test, 3}, static_cast<std::uint64_t>(node),
                                         static_cast<std::uint64_t>(column)));
}

void export_on(int ranks, const RandomDataset& data, const ExportOptions& options,
               const NodeValue& value = normal) {
  run_thread_ranks(ranks, [&](Communicator& comm) {
    const auto device = make_device({.kind = DeviceKind::reference});
    const Dataset dataset = data.open();
    const Partition nodes = dataset.node_partition(make_lanes(6, comm.size(), comm.rank()));
    const Array<Real> vectors = local_vectors(*device, dataset, nodes, kColumns, value);
    Evaluator evaluator(*device, comm, dataset, nodes, {});
    export_vectors(options, comm, *device, dataset, nodes,
                   {vectors.data(), nodes.local_rows(), kColumns}, evaluator);
  });
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The lines of a file after its header, cut at tabs.
std::vector<std::vector<std::string>> table_of(const fs::path& path) {
  std::vector<std::vector<std::string>> table;
  std::istringstream text(text_of(path));
  std::string line;
  std::getline(text, line);
  while (std::getline(text, line)) {
    std::istringstream cells(line);
    table.emplace_back();
    for (std::string cell; std::getline(cells, cell, '\t');) table.back().push_back(cell);
  }
  return table;
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t j = a.size(); j-- > 0;)
    sum += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  return sum;
}

bool is_error(const Error& e, Exit code) { return e.code() == code; }

BOOST_AUTO_TEST_SUITE(export_files)

BOOST_AUTO_TEST_CASE(row_i_is_the_vector_of_id_i) {
  const RandomDataset data(83, 61, 6, 0.1, 19);  // 19 entities that are not exported
  const fs::path to = data.folder() / "export";

  export_on(2, data, {.to = to});

  const NpyArray users = read_npy(to / "user_emb.npy"), items = read_npy(to / "item_emb.npy");
  BOOST_TEST(
      (users.rows == 83 && users.cols == kColumns && items.rows == 61 && items.cols == kColumns));
  for (Index j = 0; j < kColumns; ++j) {
    const auto column = static_cast<std::size_t>(j);
    for (Index u = 0; u < 83; ++u)
      BOOST_TEST(users.row(u)[column] == static_cast<float>(normal(u, j)));
    for (Index i = 0; i < 61; ++i)
      BOOST_TEST(items.row(i)[column] == static_cast<float>(normal(83 + i, j)));
  }
  const auto ids = table_of(to / "item_ids.tsv");
  BOOST_REQUIRE(ids.size() == 61);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    BOOST_TEST(ids[i][0] == std::to_string(i));
    BOOST_TEST(ids[i][1] == data.open().item_name(static_cast<Index>(i)));
  }
}

BOOST_AUTO_TEST_CASE(expected_rankings_follow_from_the_exported_vectors) {
  const RandomDataset data(83, 61, 6);
  const fs::path to = data.folder() / "export";

  export_on(3, data, {.to = to, .expected_users = 40, .k = 20});

  const NpyArray users = read_npy(to / "user_emb.npy"), items = read_npy(to / "item_emb.npy");
  const auto user_ids = table_of(to / "user_ids.tsv"), item_ids = table_of(to / "item_ids.tsv");
  std::map<std::string, std::vector<std::vector<std::string>>> expected;  // by raw user id
  for (const auto& line : table_of(to / "expected_topk.tsv")) expected[line[0]].push_back(line);
  BOOST_TEST(expected.size() == 40U);
  for (std::size_t i = 0; i < 40; ++i) {  // spread evenly over the 83 ids
    BOOST_TEST(expected.contains(user_ids[83 * i / 40][1]));
  }
  for (Index u = 0; u < users.rows; ++u) {
    const auto lines = expected[user_ids[static_cast<std::size_t>(u)][1]];
    if (lines.empty()) continue;
    std::vector<std::pair<double, Index>> order;
    for (Index i = 0; i < items.rows; ++i) {
      if (!data.train[static_cast<std::size_t>(u)].contains(i))
        order.emplace_back(-dot(users.row(u), items.row(i)), i);
    }
    std::sort(order.begin(), order.end());
    BOOST_REQUIRE(lines.size() == 20);
    for (std::size_t r = 0; r < lines.size(); ++r) {
      const auto [negative, item] = order[r];
      BOOST_TEST(lines[r][1] == std::to_string(r + 1));
      BOOST_TEST(lines[r][2] == item_ids[static_cast<std::size_t>(item)][1]);
      // 16 fused steps in float, partial sums below 64: 16 * 64 * 2^-24.
      BOOST_TEST(std::abs(std::stod(lines[r][3]) + negative) < 6.2e-5);
    }
  }
}

BOOST_AUTO_TEST_CASE(ranks_do_not_show_in_the_bytes) {
  const RandomDataset data(83, 61, 6);
  const fs::path one = data.folder() / "one", three = data.folder() / "three";

  export_on(1, data, {.to = one, .model = "mf", .checkpoint = "best", .checkpoint_digest = "0123"});
  export_on(3, data,
            {.to = three, .model = "mf", .checkpoint = "best", .checkpoint_digest = "0123"});

  for (const std::string& file : kFiles) {
    BOOST_TEST(!text_of(one / file).empty());
    BOOST_TEST((text_of(one / file) == text_of(three / file)), file << " differs");
  }
  BOOST_TEST(!fs::exists(three.string() + ".tmp"));
}

BOOST_AUTO_TEST_CASE(folder_with_files_is_refused_and_left_alone) {
  const RandomDataset data(23, 17, 6);
  const fs::path to = data.folder() / "export";
  fs::create_directory(to);
  std::ofstream(to / "mine.txt") << "mine";

  BOOST_CHECK_EXCEPTION(export_on(2, data, {.to = to}), Error,
                        [](const Error& e) { return is_error(e, Exit::usage); });
  BOOST_TEST(text_of(to / "mine.txt") == "mine");
  BOOST_TEST(!fs::exists(to / "user_emb.npy"));
}

BOOST_AUTO_TEST_CASE(vector_that_is_not_finite_leaves_no_folder) {
  const RandomDataset data(23, 17, 6);
  const fs::path to = data.folder() / "export";
  const auto value = [](Index node, Index j) {
    return node == 23 + 5 && j == 2 ? std::numeric_limits<Real>::infinity() : normal(node, j);
  };

  BOOST_CHECK_EXCEPTION(export_on(3, data, {.to = to}, value), Error,
                        [](const Error& e) { return is_error(e, Exit::non_finite); });
  BOOST_TEST(!fs::exists(to));
  BOOST_TEST(!fs::exists(to.string() + ".tmp"));
}

BOOST_AUTO_TEST_CASE(empty_folder_is_filled_and_a_crashed_attempt_replaced) {
  const RandomDataset data(23, 17, 6);
  const fs::path to = data.folder() / "export";
  fs::create_directory(to);
  fs::create_directory(to.string() + ".tmp");
  std::ofstream(to.string() + ".tmp/stale") << "stale";

  export_on(1, data, {.to = to / ""});

  BOOST_TEST(fs::exists(to / "manifest.json"));
  BOOST_TEST(!fs::exists(to / "stale"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(npy_writer)

std::string with_header(const std::string& dictionary, const std::string& data) {
  std::string padded = dictionary;
  while ((10 + padded.size() + 1) % 64 != 0) padded += ' ';
  padded += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(padded.size()) + '\0' + padded +
         data;
}

BOOST_AUTO_TEST_CASE(written_arrays_are_read_back) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.npy";
  const std::vector<float> values = {1, -2.5F, 3,
                                     0, -0.0F, std::numeric_limits<float>::denorm_min()};
  NpyWriter writer(path, 3, 2);
  writer.append(std::span(values).first(4));
  writer.append(std::span(values).last(2));
  writer.finish();

  const NpyArray found = read_npy(path);

  BOOST_TEST((found.rows == 3 && found.cols == 2 && found.values == values));
  BOOST_TEST(text_of(path).size() == 128U + 24U);
  const std::string expected =
      with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", "");
  BOOST_TEST((text_of(path).substr(0, 128) == expected));
}

BOOST_AUTO_TEST_CASE(unfinished_file_disappears) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.npy";
  {
    NpyWriter writer(path, 3, 2);
    writer.append(std::vector<float>{1, 2});
    BOOST_CHECK_THROW(writer.finish(), Error);
  }
  BOOST_TEST(!fs::exists(path));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
