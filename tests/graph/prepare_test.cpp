// Preparation: pure functions of the source and the options, and all or nothing on
// disk.
#include "graph/io/prepare.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "graph/io/dataset.h"
#include "graph/io/dataset_writer.h"
#include "graph/io/generators.h"
#include "graph/io/interactions.h"
#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(prepare_a_data_set)

namespace fs = std::filesystem;
using Rows = std::vector<std::vector<std::int32_t>>;

// A source and a place to prepare it to.
struct Fixture {
  TemporaryFolder folder;
  PrepareOptions options;

  Fixture() {
    options.source = folder / "source";
    options.out = folder / "out";
    options.lanes = 3;
  }
  void source(const std::string& train, const std::string& test) const {
    write_text(options.source / "train.txt", train);
    write_text(options.source / "test.txt", test);
  }
  void planted() const {
    write_planted_communities({.users = 101, .items = 67, .communities = 5, .items_per_user = 9},
                              options.source);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& e : fs::directory_iterator(folder.path())) {
      found.push_back(e.path().filename().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
};

Index count(const PrepareReport& report, const std::string& what) {
  Index found = 0;
  for (const ReportLine& line : report.lines) found += line.what == what ? line.count : 0;
  return found;
}

IdLists lists(const Rows& rows) {
  IdLists result;
  for (const auto& row : rows) {
    result.values.insert(result.values.end(), row.begin(), row.end());
    result.begin.push_back(result.size());
  }
  return result;
}

Rows rows(const IdLists& lists) {
  Rows result;
  for (Index i = 0; i < lists.rows(); ++i) result.emplace_back(lists[i].begin(), lists[i].end());
  return result;
}

// Name and content of every file below a folder.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> found;
  for (const auto& e : fs::recursive_directory_iterator(folder)) {
    if (e.is_regular_file()) found[fs::relative(e.path(), folder).string()] = read_text(e.path());
  }
  return found;
}

BOOST_AUTO_TEST_CASE(pairs_are_grouped_ascending_and_once) {
  const InteractionList pairs = {{2, 0, 2, 2, 0}, {1, 3, 0, 1, 2}};

  const Grouped g = group_by_user(pairs, 4, 5);

  BOOST_TEST((rows(g.lists) == Rows{{2, 3}, {}, {0, 1}, {}}));
  BOOST_TEST(g.duplicates == 1);
  BOOST_CHECK_THROW(group_by_user(pairs, 2, 5), Error);
  BOOST_CHECK_THROW(group_by_user(pairs, 4, 3), Error);
}

BOOST_AUTO_TEST_CASE(the_transpose_has_the_users_of_each_item) {
  const IdLists t = transposed(lists({{2, 3}, {}, {0, 2}}), 5);

  BOOST_TEST((rows(t) == Rows{{2}, {}, {0, 2}, {0}, {}}));
}

BOOST_AUTO_TEST_CASE(a_hold_out_splits_every_list_in_the_given_proportion) {
  std::vector<std::vector<std::int32_t>> all;
  for (int n = 0; n <= 41; ++n) {
    all.emplace_back(static_cast<std::size_t>(n));
    std::iota(all.back().begin(), all.back().end(), n);
  }

  for (const double share : {0.01, 0.1, 0.5, 0.99}) {
    const HoldOut h = hold_out(lists(all), share, 7);
    for (Index u = 0; u <= 41; ++u) {
      const Index rounded = static_cast<Index>(share * static_cast<double>(u) + 0.5);
      const Index expected = u < 2 ? 0 : std::clamp<Index>(rounded, 1, u - 1);
      BOOST_TEST(h.held.degree(u) == expected);
      std::vector<std::int32_t> merged(static_cast<std::size_t>(u));
      BOOST_REQUIRE(h.held.degree(u) + h.kept.degree(u) == u);
      std::merge(h.held[u].begin(), h.held[u].end(), h.kept[u].begin(), h.kept[u].end(),
                 merged.begin());
      BOOST_TEST(merged == all[static_cast<std::size_t>(u)], boost::test_tools::per_element());
    }
    BOOST_TEST(h.too_few == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_hold_out_is_named_by_seed_user_and_item_alone) {
  std::vector<std::int32_t> row(101);
  std::iota(row.begin(), row.end(), 0);
  const IdLists whole = lists({row, row});

  const HoldOut a = hold_out(whole, 0.2, 5), again = hold_out(whole, 0.2, 5);
  const HoldOut other = hold_out(whole, 0.2, 6);

  BOOST_TEST(a.held.values == again.held.values, boost::test_tools::per_element());
  BOOST_TEST((a.held.values != other.held.values));
  BOOST_TEST((rows(a.held)[0] != rows(a.held)[1]));
  // Without the first held-out item the others keep their order, so all but one are held out again.
  const std::int32_t gone = a.held.values.front();
  row.erase(std::find(row.begin(), row.end(), gone));
  const HoldOut less = hold_out(lists({row}), 0.2, 5);
  Index kept = 0;
  for (const std::int32_t i : a.held[0]) {
    kept += std::binary_search(less.held.values.begin(), less.held.values.end(), i) ? 1 : 0;
  }
  BOOST_TEST(kept == a.held.degree(0) - 1);
}

BOOST_FIXTURE_TEST_CASE(the_report_counts_what_is_unusual, Fixture) {
  // User 0 has a duplicate in a line, item 1 in both splits; 1 is on two lines with a common item;
  // 2 has tests only; 3 has nothing; item 4 is tested only, items 3 and 5 exist because 6 does.
  source("0 1 2 2\n1 0\n1 0 1\n3 \n4 6\n", "0 1 4\n2 0\n4 0\n");

  const PrepareReport r = prepare(options);

  BOOST_TEST(r.users == 5);
  BOOST_TEST(r.items == 7);
  BOOST_TEST(r.train == 5);
  BOOST_TEST(r.validation == 0);
  BOOST_TEST(r.test == 4);
  BOOST_TEST(count(r, "train: duplicate interactions, kept once") == 2);
  BOOST_TEST(count(r, "train.txt: users on more than one line, merged") == 1);
  BOOST_TEST(count(r, "train.txt: users with an empty line") == 1);
  BOOST_TEST(count(r,
                   "interactions in train and test, never hits because training items are "
                   "masked") == 1);
  BOOST_TEST(count(r, "users with test or validation items only") == 1);
  BOOST_TEST(count(r, "users without any interaction") == 1);
  BOOST_TEST(count(r, "users without a test item, left out of test averages") == 2);
  BOOST_TEST(count(r, "items without any interaction") == 2);
  BOOST_TEST(count(r, "items with test or validation interactions only") == 1);
}

BOOST_FIXTURE_TEST_CASE(preparing_twice_writes_identical_bytes, Fixture) {
  planted();
  options.validation = 0.1;

  prepare(options);
  PrepareOptions again = options;
  again.out = folder / "again";
  prepare(again);

  const auto first = contents(options.out);
  BOOST_TEST((first == contents(again.out)));
  BOOST_TEST(first.size() == 6u);
  BOOST_TEST((names() == std::vector<std::string>{"again", "out", "source"}));
}

BOOST_FIXTURE_TEST_CASE(a_final_slash_in_the_output_changes_nothing, Fixture) {
  planted();
  options.out = (folder / "out").string() + "/";

  prepare(options);

  BOOST_TEST((names() == std::vector<std::string>{"out", "source"}));
}

BOOST_FIXTURE_TEST_CASE(a_given_validation_split_is_kept_and_not_carved_again, Fixture) {
  source("0 1 2\n", "0 3\n");
  write_text(options.source / "valid.txt", "0 0\n");

  BOOST_TEST(prepare(options).validation == 1);
  options.out = folder / "other";
  options.validation = 0.5;
  const Error error = error_of([&] { prepare(options); });

  BOOST_TEST((error.code() == Exit::usage));
  BOOST_TEST(says(error, "the source has a validation split"));
  BOOST_TEST((names() == std::vector<std::string>{"out", "source"}));
}

BOOST_FIXTURE_TEST_CASE(a_folder_that_is_not_empty_is_only_replaced_by_force, Fixture) {
  source("0 1\n", "0 0\n");
  prepare(options);
  const auto before = contents(options.out);
  source("0 1 2\n", "0 0\n");

  const Error error = error_of([&] { prepare(options); });
  BOOST_TEST((error.code() == Exit::usage));
  BOOST_TEST(says(error, "exists and is not empty"));
  BOOST_TEST((contents(options.out) == before));

  options.force = true;
  BOOST_TEST(prepare(options).train == 2);
  BOOST_TEST((contents(options.out) != before));
  BOOST_TEST((names() == std::vector<std::string>{"out", "source"}));
}

BOOST_FIXTURE_TEST_CASE(an_empty_folder_is_filled, Fixture) {
  source("0 1\n", "0 0\n");
  fs::create_directory(options.out);

  prepare(options);

  BOOST_TEST(Dataset::open(options.out).users() == 1);
}

BOOST_FIXTURE_TEST_CASE(force_never_replaces_a_folder_with_other_things_in_it, Fixture) {
  source("0 1\n", "0 0\n");
  options.force = true;
  for (const char* stranger : {"thesis.tex", "lanes/notes.txt", "lanes/more/lane-0000.bin"}) {
    fs::remove_all(options.out);
    prepare(options);
    write_text(options.out / stranger, "precious");

    const Error error = error_of([&] { prepare(options); });

    BOOST_TEST((error.code() == Exit::usage));
    BOOST_TEST(says(error, "which is not part of a prepared data set"));
    BOOST_TEST(read_text(options.out / stranger) == "precious");
  }
  options.out = options.source;
  BOOST_TEST(says(error_of([&] { prepare(options); }), "the output folder is the source itself"));
  options.out = folder.path();
  BOOST_TEST(says(error_of([&] { prepare(options); }), "not part of a prepared data set"));
  BOOST_TEST(fs::exists(options.source / "train.txt"));
}

BOOST_FIXTURE_TEST_CASE(what_a_killed_run_left_is_cleared_away, Fixture) {
  source("0 1\n", "0 0\n");
  write_text(folder / "out.tmp/lanes/lane-0000.bin", "half a fi");
  write_text(folder / "out.old/users.tsv", "user\n");

  prepare(options);

  BOOST_TEST((names() == std::vector<std::string>{"out", "source"}));
}

BOOST_FIXTURE_TEST_CASE(somebody_elses_folder_of_that_name_is_not_cleared_away, Fixture) {
  source("0 1\n", "0 0\n");
  write_text(folder / "out.tmp/thesis.tex", "precious");

  BOOST_TEST((error_of([&] { prepare(options); }).code() == Exit::usage));

  BOOST_TEST(read_text(folder / "out.tmp/thesis.tex") == "precious");
}

BOOST_FIXTURE_TEST_CASE(a_failed_run_leaves_nothing_behind, Fixture) {
  source("0 1\n", "0 0 oops\n");
  BOOST_TEST((error_of([&] { prepare(options); }).code() == Exit::data));
  BOOST_TEST((names() == std::vector<std::string>{"source"}));

  source("0 1\n", "0 0\n");
  PrepareOptions nowhere = options;
  write_text(folder / "file", "");
  nowhere.out = folder / "file/out";
  const Error error = error_of([&] { prepare(nowhere); });
  BOOST_TEST((error.code() == Exit::io));
  BOOST_TEST(says(error, "file: cannot create this folder"));
  BOOST_TEST((names() == std::vector<std::string>{"file", "source"}));

  PrepareOptions deeper = options;
  deeper.out = folder / "new/folder/out";
  source("0 1\n", "0 0 oops\n");
  BOOST_TEST((error_of([&] { prepare(deeper); }).code() == Exit::data));
  BOOST_TEST((names() == std::vector<std::string>{"file", "source"}));
  source("0 1\n", "0 0\n");
  BOOST_TEST(prepare(deeper).users == 1);

  // Fails when everything but the last files is written: a raw id that cannot be a line of a file.
  write_text(options.source / "user_list.txt", std::string("org_id remap_id\n\x0b") + " 0\n");
  write_text(options.source / "item_list.txt", "org_id remap_id\na 0\nb 1\n");
  BOOST_TEST(prepare(options).users == 1);  // odd, but a name
  PrepareOptions file = options;
  file.out = options.source / "train.txt";
  BOOST_TEST((error_of([&] { prepare(file); }).code() == Exit::usage));
  BOOST_TEST((names() == std::vector<std::string>{"file", "new", "out", "source"}));
}

// A reader whose raw ids cannot be written: the failure comes after the lane files.
class BadNames final : public Reader {
 public:
  RawData read(const fs::path&) const override {
    RawData data;
    data.user_names = {"a\tb"};
    data.item_names = {"x"};
    data.train = {{0}, {0}};
    return data;
  }
};
const ReaderRegistration registered("test-bad-names", std::make_unique<BadNames>());

BOOST_FIXTURE_TEST_CASE(a_failure_after_the_lane_files_leaves_nothing_behind, Fixture) {
  source("0 1\n", "0 0\n");
  prepare(options);
  const auto before = contents(options.out);
  options.format = "test-bad-names";
  options.force = true;

  const Error error = error_of([&] { prepare(options); });

  BOOST_TEST(says(error, "a raw id is empty or holds a tab or a line end"));
  BOOST_TEST((contents(options.out) == before));
  BOOST_TEST((names() == std::vector<std::string>{"out", "source"}));
}

BOOST_FIXTURE_TEST_CASE(impossible_options_are_a_usage_error, Fixture) {
  source("0 1\n", "0 0\n");
  const auto code = [&](auto change) {
    PrepareOptions bad = options;
    change(bad);
    return error_of([&] { prepare(bad); }).code();
  };

  BOOST_TEST((code([](PrepareOptions& o) { o.lanes = 0; }) == Exit::usage));
  BOOST_TEST((code([](PrepareOptions& o) { o.lanes = 1'000'000; }) == Exit::usage));
  BOOST_TEST((code([](PrepareOptions& o) { o.validation = 1; }) == Exit::usage));
  BOOST_TEST((code([](PrepareOptions& o) { o.validation = -0.1; }) == Exit::usage));
  BOOST_TEST((code([](PrepareOptions& o) { o.validation = std::nan(""); }) == Exit::usage));
  BOOST_TEST((code([](PrepareOptions& o) { o.format = "csv"; }) == Exit::usage));
  BOOST_TEST((code([](PrepareOptions& o) { o.out.clear(); }) == Exit::usage));
  BOOST_TEST((names() == std::vector<std::string>{"source"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
