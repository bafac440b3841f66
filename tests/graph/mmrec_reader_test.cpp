// The MMRec format: tab-separated under a header, with the split of each interaction.
#include <boost/test/unit_test.hpp>

#include "graph/io/prepare.h"
#include "tests/graph/reader_helpers.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(mmrec_reader)

RawData read(const std::string& text) { return read_files("mmrec", {{"x.inter", text}}); }
std::string complaint(const std::string& text) {
  return complaint_about("mmrec", {{"x.inter", text}});
}
const std::string kHeader = "userID\titemID\tx_label\n";

BOOST_AUTO_TEST_CASE(labels_are_the_splits) {
  const RawData data = read(kHeader + "0\t5\t0\n2\t1\t0\n0\t3\t1\n3\t0\t2\n");

  BOOST_TEST((pairs_of(data.train) == IdPairs{{0, 5}, {2, 1}}));
  BOOST_TEST((pairs_of(data.validation) == IdPairs{{0, 3}}));
  BOOST_TEST((pairs_of(data.test) == IdPairs{{3, 0}}));
  BOOST_TEST(data.user_names.size() == 4u);
  BOOST_TEST(data.item_names.size() == 6u);
  BOOST_TEST((data.files == std::vector<std::string>{"x.inter"}));
  BOOST_TEST(data.report.empty());
}

BOOST_AUTO_TEST_CASE(columns_are_found_by_name_and_others_ignored) {
  const RawData data = read("timestamp\titemID\tx_label\trating\tuserID\n9\t1\t0\t4.5\t7\n");

  BOOST_TEST((pairs_of(data.train) == IdPairs{{7, 1}}));
}

BOOST_AUTO_TEST_CASE(carriage_returns_and_blank_lines_are_accepted_and_counted) {
  const RawData data = read("userID\titemID\tx_label\r\n0\t1\t0\r\n\r\n1\t0\t2");

  BOOST_TEST((pairs_of(data.train) == IdPairs{{0, 1}}));
  BOOST_TEST((pairs_of(data.test) == IdPairs{{1, 0}}));
  BOOST_TEST(reported(data, "x.inter: lines that end with CR LF") == 3);
  BOOST_TEST(reported(data, "x.inter: blank lines, skipped") == 1);
  BOOST_TEST(reported(data, "x.inter: last line without an end") == 1);
}

BOOST_AUTO_TEST_CASE(everything_else_is_an_error_with_its_place) {
  BOOST_TEST(complaint("") == "x.inter:1:1: found \"\", expected a header");
  BOOST_TEST(complaint("0\t1\t0\n") ==
             "x.inter:1:1: found \"0\\x091\\x090\", expected a column named \"userID\"");
  BOOST_TEST(complaint("userID\titemID\tuserID\tx_label\n") ==
             "x.inter:1:1: found two columns named \"userID\", expected one");
  BOOST_TEST(complaint(kHeader + "0\t1\n") ==
             "x.inter:2:1: found 2 fields, expected 3, as in the header");
  BOOST_TEST(complaint(kHeader + "0 1 0\n") ==
             "x.inter:2:1: found 1 fields, expected 3, as in the header");
  BOOST_TEST(complaint(kHeader + "0\t1\t0\n0\t1x\t0\n") ==
             "x.inter:3:3: found \"1x\", expected an item id, an integer from 0 to 2147483646");
  BOOST_TEST(complaint(kHeader + "0\t\t0\n") == "x.inter:2:3: found nothing, expected an item id");
  BOOST_TEST(complaint(kHeader + "0\t1\t3\n") ==
             "x.inter:2:5: found \"3\", expected a label, 0, 1 or 2");
  BOOST_TEST(complaint(kHeader + "0\t1\t2\n") ==
             "x.inter: found no interaction labelled 0, expected at least one");
  BOOST_TEST(complaint(kHeader + "2000000000\t1\t0\n") ==
             "x.inter:2:1: found user id 2000000000, expected ids without large gaps, for 1 "
             "interactions");
}

BOOST_AUTO_TEST_CASE(the_source_is_the_file_its_prefix_or_a_folder_with_one_such_file) {
  const TemporaryFolder folder;
  write_text(folder / "s/x.inter", kHeader + "0\t1\t0\n");
  for (const char* source : {"s", "s/x", "s/x.inter"}) {
    prepare({.format = "mmrec",
             .source = folder / source,
             .out = folder / "out",
             .lanes = 2,
             .force = true});
    BOOST_TEST(std::filesystem::exists(folder / "out/dataset.json"));
  }
  BOOST_TEST(says(error_of([&] { find_reader("mmrec").read(folder / "s/y"); }),
                  "s/y.inter: found neither a folder nor a file of this name"));
  write_text(folder / "s/y.inter", kHeader + "0\t1\t0\n");
  BOOST_TEST(says(error_of([&] { find_reader("mmrec").read(folder / "s"); }),
                  "found several files *.inter, expected one"));
  BOOST_TEST(
      says(error_of([&] { find_reader("mmrec").read(folder.path()); }), "found no file *.inter"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
