// Features on their way into a prepared data set: each row finite and that of the right user or
// item, or an error with the numbers.
#include "graph/io/features.h"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <string>
#include <vector>

#include "graph/io/prepare.h"
#include "tests/graph/knowledge_source.h"
#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(features)

// Two users and three items, and a file of features.
struct Fixture {
  TemporaryFolder folder;
  RawData data;
  FeatureSource source{"image", Features::Side::item, folder / "image.npy"};

  Fixture() {
    data.user_names = {"0", "1"};
    data.item_names = {"0", "1", "2"};
  }
  FeatureMatrix read(Index rows, Index cols, const std::vector<float>& values) const {
    write_text(source.file, npy_bytes(rows, cols, values));
    return read_features(source, data);
  }
  std::string complaint(Index rows, Index cols, const std::vector<float>& values) const {
    const Error error = error_of([&] { read(rows, cols, values); });
    BOOST_TEST((error.code() == Exit::data));
    BOOST_TEST(!error.hint().empty());
    const std::string message = error.what(), start = source.file.string() + ": ";
    BOOST_TEST(message.starts_with(start));
    return message.substr(start.size());
  }
};

BOOST_AUTO_TEST_CASE(an_option_names_features_their_side_and_their_file) {
  const FeatureSource item = parse_feature_source("image=a/b=c.npy");
  const FeatureSource user = parse_feature_source("profile-2@user=p.npy");

  BOOST_TEST(item.name == "image");
  BOOST_TEST((item.side == Features::Side::item));
  BOOST_TEST(item.file.string() == "a/b=c.npy");
  BOOST_TEST(user.name == "profile-2");
  BOOST_TEST((user.side == Features::Side::user));
  BOOST_TEST((parse_feature_source("x@item=f").side == Features::Side::item));
  for (const char* bad : {"", "image", "image=", "=f.npy", "a/b=f.npy", "..=f.npy", "a b=f.npy",
                          "image@=f.npy", "image@entity=f.npy", "@user=f.npy"}) {
    const Error error = error_of([&] { parse_feature_source(bad); });
    BOOST_TEST((error.code() == Exit::usage), bad);
    BOOST_TEST(error.hint().find("NAME@user=FILE.npy") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(two_features_of_one_name_are_refused) {
  const Error error = error_of([] {
    check_feature_names({{"a", {}, "1.npy"}, {"b", {}, "2"}, {"a", {}, "3.npy"}});
  });

  BOOST_TEST((error.code() == Exit::usage));
  BOOST_TEST(says(error, "found two features named \"a\": 1.npy and 3.npy"));
}

BOOST_FIXTURE_TEST_CASE(rows_follow_integer_ids, Fixture) {
  const FeatureMatrix m = read(3, 2, {0, 1, 10, 11, 20, 21});

  BOOST_TEST((m.rows == 3 && m.cols == 2));
  BOOST_TEST(m.values == std::vector<float>({0, 1, 10, 11, 20, 21}),
             boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(rows_follow_tokens_that_are_integers, Fixture) {
  data.has_integer_ids = false;
  data.item_names = {"2", "0", "1"};

  BOOST_TEST(
      read(3, 2, {0, 1, 10, 11, 20, 21}).values == std::vector<float>({20, 21, 0, 1, 10, 11}),
      boost::test_tools::per_element());
  for (const char* name : {"x", "3", "-1", "01", "1.0", "99999999999999999999"}) {
    data.item_names = {"2", "0", name};
    BOOST_TEST(complaint(3, 1, {0, 1, 2}) ==
               std::string("found item \"") + name +
                   "\" in the source, expected names 0 to 2, the rows of the file");
  }
}

BOOST_FIXTURE_TEST_CASE(another_number_of_rows_is_refused_with_both_numbers, Fixture) {
  BOOST_TEST(
      complaint(2, 1, {0, 1}) ==
      "found 2 rows and 1 columns, expected one row for each of the 3 items and some columns");
  BOOST_TEST(
      complaint(3, 0, {}) ==
      "found 3 rows and 0 columns, expected one row for each of the 3 items and some columns");
  source.side = Features::Side::user;
  BOOST_TEST(complaint(3, 1, {0, 1, 2}).find("each of the 2 users") != std::string::npos);
  BOOST_TEST(read(2, 1, {5, 6}).values.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(numbers_that_are_not_finite_are_refused_with_their_row, Fixture) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();

  BOOST_TEST(complaint(3, 2, {0, 1, 2, nan, 4, 5}) ==
             "row 1, column 1: found nan, expected a finite number");
  BOOST_TEST(complaint(3, 2, {0, 1, 2, 3, -infinity, 5}) ==
             "row 2, column 0: found -inf, expected a finite number");
}

BOOST_AUTO_TEST_CASE(a_bad_matrix_leaves_no_data_set_behind) {
  const TemporaryFolder folder;
  write_small_kgat(folder / "source");
  write_text(folder / "image.npy", npy_bytes(2, 1, {0, 1}));
  const PrepareOptions options = {
      .format = "kgat",
      .source = folder / "source",
      .out = folder / "out",
      .features = {{"image", Features::Side::item, folder / "image.npy"}}};

  BOOST_TEST((error_of([&] { prepare(options); }).code() == Exit::data));

  BOOST_TEST(!std::filesystem::exists(folder / "out"));
  BOOST_TEST(!std::filesystem::exists(folder / "out.tmp"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
