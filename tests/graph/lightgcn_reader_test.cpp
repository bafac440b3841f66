// The LightGCN text format: every oddity that is accepted is counted, everything else is an error
// that says where, what was found and what was expected.
#include <boost/test/unit_test.hpp>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "graph/io/reader.h"
#include "kernels/random.h"
#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(lightgcn_reader)

using Files = std::map<std::string, std::string>;
using Pairs = std::vector<std::pair<Index, Index>>;

RawData read(const TemporaryFolder& folder, const Files& files) {
  for (const auto& [name, text] : files) write_text(folder / name, text);
  return find_reader("lightgcn").read(folder.path());
}

RawData read(const Files& files) {
  const TemporaryFolder folder;
  return read(folder, files);
}

Pairs pairs(const InteractionList& list) {
  Pairs result;
  for (std::size_t i = 0; i < list.users.size(); ++i) {
    result.emplace_back(list.users[i], list.items[i]);
  }
  return result;
}

Index count(const RawData& data, const std::string& what) {
  Index found = 0;
  for (const ReportLine& line : data.report) found += line.what == what ? line.count : 0;
  return found;
}

// The message for one bad train.txt, after the folder's name.
std::string complaint(const std::string& train) {
  const TemporaryFolder folder;
  const Error error = error_of([&] {
    read(folder, {{"train.txt", train}, {"test.txt", "0 0\n"}});
  });
  BOOST_TEST((error.code() == Exit::data));
  BOOST_TEST(!error.hint().empty());
  const std::string message = error.what();
  const std::string start = folder.path().string() + "/";
  BOOST_TEST(message.starts_with(start));
  return message.substr(start.size());
}

BOOST_AUTO_TEST_CASE(a_plain_source_is_read_in_the_order_of_the_file) {
  const RawData data = read({{"train.txt", "0 5 1\n1 2\n"}, {"test.txt", "0 2\n1 3 4\n"}});

  BOOST_TEST((pairs(data.train) == Pairs{{0, 5}, {0, 1}, {1, 2}}));
  BOOST_TEST((pairs(data.test) == Pairs{{0, 2}, {1, 3}, {1, 4}}));
  BOOST_TEST(data.validation.users.empty());
  BOOST_TEST((data.user_names == std::vector<std::string>{"0", "1"}));
  BOOST_TEST((data.item_names == std::vector<std::string>{"0", "1", "2", "3", "4", "5"}));
  BOOST_TEST((data.files == std::vector<std::string>{"train.txt", "test.txt"}));
  BOOST_TEST(data.report.empty());
}

BOOST_AUTO_TEST_CASE(validation_is_read_under_either_name) {
  const Files base = {{"train.txt", "0 0\n"}, {"test.txt", "0 1\n"}};
  for (const char* name : {"validation.txt", "valid.txt"}) {
    Files files = base;
    files[name] = "0 2\n";
    const RawData data = read(files);
    BOOST_TEST((pairs(data.validation) == Pairs{{0, 2}}));
    BOOST_TEST(data.item_names.size() == 3u);
  }

  Files both = base;
  both["validation.txt"] = both["valid.txt"] = "0 2\n";
  BOOST_TEST(says(error_of([&] { read(both); }), "found both validation.txt and valid.txt"));
}

BOOST_AUTO_TEST_CASE(a_user_with_an_empty_line_exists_and_has_no_items) {
  const RawData data = read({{"train.txt", "0 1\n1 0\n"}, {"test.txt", "0 0\n1 \n2\n"}});

  BOOST_TEST(data.user_names.size() == 3u);
  BOOST_TEST((pairs(data.test) == Pairs{{0, 0}}));
  BOOST_TEST(count(data, "test.txt: users with an empty line") == 2);
  BOOST_TEST(data.report.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_user_on_two_lines_is_merged_and_counted) {
  const RawData data = read({{"train.txt", "0 1\n1 0\n0 2\n"}, {"test.txt", "0 0\n"}});

  BOOST_TEST((pairs(data.train) == Pairs{{0, 1}, {1, 0}, {0, 2}}));
  BOOST_TEST(count(data, "train.txt: users on more than one line, merged") == 1);
  BOOST_TEST(count(data, "train.txt: users out of ascending order") == 1);
}

BOOST_AUTO_TEST_CASE(users_out_of_order_are_counted) {
  const RawData data = read({{"train.txt", "2 1\n1 0\n0 2\n"}, {"test.txt", "0 0\n"}});

  BOOST_TEST(count(data, "train.txt: users out of ascending order") == 2);
  BOOST_TEST(data.report.size() == 1u);
}

BOOST_AUTO_TEST_CASE(blank_lines_are_skipped_and_counted) {
  const RawData data = read({{"train.txt", "\n0 1\n\n \n1 0\n"}, {"test.txt", "0 0\n"}});

  BOOST_TEST((pairs(data.train) == Pairs{{0, 1}, {1, 0}}));
  BOOST_TEST(count(data, "train.txt: blank lines, skipped") == 3);
}

BOOST_AUTO_TEST_CASE(carriage_returns_before_line_ends_are_accepted_and_counted) {
  const RawData data = read({{"train.txt", "0 1\r\n1 0\r\n2 \r\n"}, {"test.txt", "0 0\n"}});

  BOOST_TEST((pairs(data.train) == Pairs{{0, 1}, {1, 0}}));
  BOOST_TEST(count(data, "train.txt: lines that end with CR LF") == 3);
  BOOST_TEST(count(data, "train.txt: users with an empty line") == 1);
}

BOOST_AUTO_TEST_CASE(tabs_and_extra_spaces_are_accepted_and_counted_by_line) {
  const RawData data =
      read({{"train.txt", "0\t1\n1  0\n 2 0\n3 1 \n4  \n5 0 1\n6 \n"}, {"test.txt", "0 0\n"}});

  BOOST_TEST((pairs(data.train) == Pairs{{0, 1}, {1, 0}, {2, 0}, {3, 1}, {5, 0}, {5, 1}}));
  BOOST_TEST(count(data, "train.txt: lines with tabs or extra spaces") == 5);
}

BOOST_AUTO_TEST_CASE(a_missing_final_line_end_is_accepted_and_counted) {
  const RawData data = read({{"train.txt", "0 1\n1 0"}, {"test.txt", "0 0"}});

  BOOST_TEST((pairs(data.train) == Pairs{{0, 1}, {1, 0}}));
  BOOST_TEST(count(data, "train.txt: last line without an end") == 1);
  BOOST_TEST(count(data, "test.txt: last line without an end") == 1);
}

BOOST_AUTO_TEST_CASE(a_line_may_have_any_length) {
  std::string train = "0";
  for (int i = 0; i < 200'003; ++i) train += " " + std::to_string(i);

  const RawData data = read({{"train.txt", train + "\n"}, {"test.txt", "0 0\n"}});

  BOOST_TEST(data.train.items.size() == 200'003u);
  BOOST_TEST(data.item_names.size() == 200'003u);
}

BOOST_AUTO_TEST_CASE(an_empty_test_file_is_a_source_without_tests) {
  const RawData data = read({{"train.txt", "0 1\n"}, {"test.txt", ""}});

  BOOST_TEST(data.test.users.empty());
}

BOOST_AUTO_TEST_CASE(a_bad_field_is_named_with_its_place) {
  const std::string item = ", expected an item id, an integer from 0 to 2147483646";
  const std::string user = ", expected a user id, an integer from 0 to 2147483646";

  BOOST_TEST(complaint("0 1\n1 2 12a7 4\n") == "train.txt:2:5: found \"12a7\"" + item);
  BOOST_TEST(complaint("u1 1\n") == "train.txt:1:1: found \"u1\"" + user);
  BOOST_TEST(complaint("0 -3\n") == "train.txt:1:3: found \"-3\"" + item);
  BOOST_TEST(complaint("0 -0\n") == "train.txt:1:3: found \"-0\"" + item);
  BOOST_TEST(complaint("0 +1\n") == "train.txt:1:3: found \"+1\"" + item);
  BOOST_TEST(complaint("0 1.0\n") == "train.txt:1:3: found \"1.0\"" + item);
  BOOST_TEST(complaint("0 0x1\n") == "train.txt:1:3: found \"0x1\"" + item);
  BOOST_TEST(complaint("0 2147483647\n") == "train.txt:1:3: found \"2147483647\"" + item);
  BOOST_TEST(complaint("0 99999999999999999999999\n") ==
             "train.txt:1:3: found \"99999999999999999999999\"" + item);
  BOOST_TEST(complaint("0 1\n\n1 \t 2,3\n") == "train.txt:3:5: found \"2,3\"" + item);
  BOOST_TEST(complaint("0,1,2\n") == "train.txt:1:1: found \"0,1,2\"" + user);
  BOOST_TEST(complaint("0::1\n") == "train.txt:1:1: found \"0::1\"" + user);
  BOOST_TEST(complaint("0 1\r1 2\n") == "train.txt:1:3: found \"1\\x0d1\"" + item);
  BOOST_TEST(complaint(std::string("0 1\0\n", 5)) == "train.txt:1:3: found \"1\\x00\"" + item);
  BOOST_TEST(complaint("\xef\xbb\xbf"
                       "0 1\n") == "train.txt:1:1: found \"\\xef\\xbb\\xbf0\"" + user);
  BOOST_TEST(complaint("\x1f\x8b\x08garbage\n") ==
             "train.txt:1:1: found \"\\x1f\\x8b\\x08garbage\"" + user);
  BOOST_TEST(complaint("0 " + std::string(5000, '7') + "\n") ==
             "train.txt:1:3: found \"" + std::string(40, '7') + "\"..." + item);
}

BOOST_AUTO_TEST_CASE(a_hint_names_the_likely_cause) {
  const auto hint = [](const std::string& train) {
    return error_of([&] { read({{"train.txt", train}, {"test.txt", ""}}); }).hint();
  };

  BOOST_TEST(hint("0,1\n") == "ids are separated by single spaces, not by ','");
  BOOST_TEST(hint("0 -1\n") == "ids count from 0");
  BOOST_TEST(hint("0 alice\n").find("integer ids") != std::string::npos);
  BOOST_TEST(hint("\x1f\x8b\n").find("compressed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_absurd_id_is_an_error_and_not_a_billion_items) {
  BOOST_TEST(complaint("0 1\n1 2000000000 3\n") ==
             "train.txt:2:3: found item id 2000000000, expected ids without large gaps, for 4 "
             "interactions");
  BOOST_TEST(complaint("0 1\n1999999999 3\n") ==
             "train.txt:2:1: found user id 1999999999, expected ids without large gaps, for 3 "
             "interactions");
}

BOOST_AUTO_TEST_CASE(a_train_file_without_interactions_is_an_error) {
  for (const char* train : {"", "\n", "0 \n1 \n"}) {
    BOOST_TEST(complaint(train) == "train.txt: found no interaction, expected at least one");
  }
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_named) {
  const auto missing = [](const Files& files) { return error_of([&] { read(files); }); };

  BOOST_TEST(says(missing({{"test.txt", "0 0\n"}}), "/train.txt: found no file"));
  BOOST_TEST(says(missing({{"train.txt", "0 0\n"}}), "/test.txt: found no file"));
  const Error none = error_of([] { find_reader("lightgcn").read("/no/such/folder"); });
  BOOST_TEST(says(none, "/no/such/folder: found no folder"));
  BOOST_TEST((none.code() == Exit::data));
}

const Files kNamed = {{"train.txt", "0 1\n1 0\n"}, {"test.txt", "0 0\n"}};

std::string list_complaint(const std::string& list) {
  Files files = kNamed;
  files["user_list.txt"] = list;
  const std::string message = error_of([&] { read(files); }).what();
  return message.substr(message.rfind('/') + 1);
}

BOOST_AUTO_TEST_CASE(raw_ids_come_from_the_lists_in_any_order) {
  Files files = kNamed;
  files["user_list.txt"] = "org_id remap_id\r\nzoe 1\r\nadam 0\r\n";
  files["item_list.txt"] = "org_id remap_id freebase_id\nx 0 m.1\n\ny 1 m.2\ncold 2 m.3";

  const RawData data = read(files);

  BOOST_TEST((data.user_names == std::vector<std::string>{"adam", "zoe"}));
  BOOST_TEST((data.item_names == std::vector<std::string>{"x", "y", "cold"}));
  BOOST_TEST(data.files.size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_list_must_name_every_id_once) {
  BOOST_TEST(list_complaint("org_id remap_id\na 0\n") ==
             "train.txt:2:1: found user id 1, expected one of the 1 ids in user_list.txt");
  BOOST_TEST(
      list_complaint("org_id remap_id\na 0\nb 0\n") ==
      "user_list.txt:3:1: found id 0 a second time, expected each id once (first on line 2)");
  BOOST_TEST(list_complaint("org_id remap_id\na 0\nb 2\n") ==
             "user_list.txt:3:1: found id 2 but no id 1, expected ids without gaps, from 0");
  BOOST_TEST(
      list_complaint("org_id remap_id\na 0\nb 1\na 2\n") ==
      "user_list.txt:4:1: found raw id \"a\" a second time, expected each raw id once (first "
      "on line 2)");
}

BOOST_AUTO_TEST_CASE(a_list_has_a_header_and_two_columns) {
  BOOST_TEST(list_complaint("") ==
             "user_list.txt:1:1: found \"\", expected the header \"org_id remap_id\"");
  BOOST_TEST(list_complaint("a 0\nb 1\n") ==
             "user_list.txt:1:1: found \"a 0\", expected the header \"org_id remap_id\"");
  BOOST_TEST(list_complaint("org_id remap_id\na 0\nb\n") ==
             "user_list.txt:3:2: found the line's end, expected a raw id and its integer id");
  BOOST_TEST(list_complaint("org_id remap_id\nnew york 0\n")
                 .starts_with("user_list.txt:2:5: found \"york\", expected an id, an integer"));
}

BOOST_AUTO_TEST_CASE(mutated_sources_are_read_or_refused_with_a_hint) {
  const TemporaryFolder folder;
  const Files good = {{"train.txt", "0 1 2\n1 0 2\n2 \n"},
                      {"test.txt", "0 0\r\n1\t1\n"},
                      {"user_list.txt", "org_id remap_id\na 0\nb 1\nc 2\n"},
                      {"item_list.txt", "org_id remap_id\nx 0\ny 1\nz 2\n"}};
  const std::string bytes("0123456789 \t\n\r,-a\0\xff", 20);
  int refused = 0;

  for (std::uint64_t round = 0; round < 500; ++round) {
    Files files = good;
    for (std::uint64_t change = 0; change < 1 + round % 3; ++change) {
      const RandomBits b = random_bits({Purpose::test, 1}, round, change);
      std::string& text = std::next(files.begin(), b.word[0] % 4)->second;
      const std::size_t at = b.word[1] % (text.size() + 1);
      text.replace(at, b.word[2] % 4, 1, bytes[b.word[3] % bytes.size()]);
    }
    try {
      const RawData data = read(folder, files);
      BOOST_REQUIRE(data.train.users.size() == data.train.items.size());
      for (const Index u : data.train.users) BOOST_REQUIRE(u < std::ssize(data.user_names));
      for (const Index i : data.test.items) BOOST_REQUIRE(i < std::ssize(data.item_names));
    } catch (const Error& error) {
      BOOST_REQUIRE((error.code() == Exit::data));
      BOOST_REQUIRE(!error.hint().empty());
      ++refused;
    }
  }

  BOOST_TEST(refused > 100);
  BOOST_TEST(refused < 500);
}

BOOST_AUTO_TEST_CASE(an_unknown_format_is_answered_with_the_known_ones) {
  const Error error = error_of([] { find_reader("lightgnc"); });

  BOOST_TEST((error.code() == Exit::usage));
  BOOST_TEST(says(error, "found format \"lightgnc\", expected one of: "));
  BOOST_TEST(says(error, "lightgcn"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
