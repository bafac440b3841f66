// The formats with kg_final.txt: kgat, beside LightGCN lists, and kgcn, beside labelled ratings.
// Gaps and disagreeing lists are errors with the numbers.
#include <boost/test/unit_test.hpp>

#include "tests/graph/reader_helpers.h"

namespace chorale {
namespace {

using Names = std::vector<std::string>;
const Files kKgat = {{"train.txt", "0 0 1\n1 1 2\n"},
                     {"test.txt", "0 2\n1 \n"},
                     {"kg_final.txt", "0 0 3\n4 1 0\n3 0 4\n"}};

Files with(Files files, const std::string& name, const std::string& text) {
  files[name] = text;
  return files;
}

BOOST_AUTO_TEST_SUITE(kgat_reader)

BOOST_AUTO_TEST_CASE(facts_come_in_the_order_of_the_file_and_entities_after_the_items) {
  const RawData data = read_files("kgat", kKgat);

  BOOST_TEST(data.item_names.size() == 3u);
  BOOST_REQUIRE(data.knowledge.has_value());
  BOOST_TEST((data.knowledge->other_names == Names{"3", "4"}));
  BOOST_TEST((data.knowledge->relation_names == Names{"0", "1"}));
  BOOST_TEST((data.knowledge->facts == std::vector<Fact>{{0, 0, 3}, {4, 1, 0}, {3, 0, 4}}));
  BOOST_TEST((data.files == Names{"train.txt", "test.txt", "kg_final.txt"}));
  BOOST_TEST(reported(data, "test.txt: users with an empty line") == 1);
}

BOOST_AUTO_TEST_CASE(oddities_of_the_facts_are_counted) {
  const RawData data =
      read_files("kgat", with(kKgat, "kg_final.txt", "0\t0\t3\r\n\n4 1 0\r\n3  0 4"));

  BOOST_TEST((data.knowledge->facts == std::vector<Fact>{{0, 0, 3}, {4, 1, 0}, {3, 0, 4}}));
  BOOST_TEST(reported(data, "kg_final.txt: lines that end with CR LF") == 2);
  BOOST_TEST(reported(data, "kg_final.txt: blank lines, skipped") == 1);
  BOOST_TEST(reported(data, "kg_final.txt: last line without an end") == 1);
}

BOOST_AUTO_TEST_CASE(a_fact_has_three_ids) {
  const auto complaint = [](const std::string& facts) {
    return complaint_about("kgat", with(kKgat, "kg_final.txt", facts));
  };

  BOOST_TEST(complaint("0 0 3\n1 0\n") ==
             "kg_final.txt:2:4: found the line's end, expected a tail's entity id");
  BOOST_TEST(complaint("0 0 3 1\n") == "kg_final.txt:1:7: found \"1\", expected the line's end");
  BOOST_TEST(
      complaint("0 0 3\n0 -1 3\n") ==
      "kg_final.txt:2:3: found \"-1\", expected a relation id, an integer from 0 to 2147483646");
  BOOST_TEST(complaint("a 0 3\n").starts_with(
      "kg_final.txt:1:1: found \"a\", expected a head's entity id"));
  BOOST_TEST(complaint("\n") == "kg_final.txt: found no fact, expected at least one");
}

BOOST_AUTO_TEST_CASE(gaps_of_entities_and_relations_are_errors_with_the_numbers) {
  const auto complaint = [](const std::string& facts) {
    return complaint_about("kgat", with(kKgat, "kg_final.txt", facts));
  };

  BOOST_TEST(
      complaint("0 0 3\n0 0 9\n4 0 7\n") ==
      "kg_final.txt: found entity ids up to 9, 3 of which do not occur, the first of them 5; "
      "expected ids without gaps");
  BOOST_TEST(
      complaint("0 0 4\n") ==
      "kg_final.txt: found entity ids up to 4, 1 of which do not occur, the first of them 3; "
      "expected ids without gaps");
  BOOST_TEST(complaint("0 0 3\n0 2 3\n") ==
             "kg_final.txt: found relation ids up to 2, 1 of which do not occur, the first of them "
             "1; expected ids without gaps");
  BOOST_TEST(complaint("0 1 2147483646\n").find("2147483643 of which do not occur") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(lists_give_names_and_bound_the_ids) {
  Files files = with(kKgat, "entity_list.txt", "org_id remap_id\nd 3\na 0\nb 1\nc 2\ne 4\nf 5\n");
  files["relation_list.txt"] = "org_id remap_id\nlikes 0\nmade 1\nnever 2\n";
  const RawData data = read_files("kgat", files);

  BOOST_TEST((data.item_names == Names{"0", "1", "2"}));
  BOOST_TEST((data.knowledge->other_names == Names{"d", "e", "f"}));
  BOOST_TEST((data.knowledge->relation_names == Names{"likes", "made", "never"}));

  BOOST_TEST(complaint_about("kgat", with(files, "kg_final.txt", "0 0 6\n")) ==
             "kg_final.txt: found entity id 6, expected one of the 6 ids in entity_list.txt");
  BOOST_TEST(complaint_about("kgat", with(files, "kg_final.txt", "0 3 5\n")) ==
             "kg_final.txt: found relation id 3, expected one of the 3 ids in relation_list.txt");
  BOOST_TEST(complaint_about("kgat", with(files, "entity_list.txt", "org_id remap_id\na 0\n"))
                 .starts_with("kg_final.txt: found entity id 4, expected one of the 1 ids"));
}

BOOST_AUTO_TEST_CASE(lists_that_disagree_about_an_item_are_an_error) {
  Files files = with(kKgat, "entity_list.txt", "org_id remap_id\na 0\nx 1\nc 2\nd 3\ne 4\n");
  files["item_list.txt"] = "org_id remap_id freebase_id\na 0 m.1\nb 1 m.2\nc 2 m.3\n";

  BOOST_TEST(complaint_about("kgat", files) ==
             "entity_list.txt: found entity 1 named \"x\", but item 1 is \"b\" in item_list.txt");
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_answered_with_what_belongs_there) {
  for (const char* name : {"train.txt", "test.txt", "kg_final.txt"}) {
    Files files = kKgat;
    files.erase(name);
    BOOST_TEST(complaint_about("kgat", files) ==
               std::string(name) + ": found no file of this name");
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(kgcn_reader)

const Files kKgcn = {{"ratings_final.txt", "0\t2\t1\n0\t0\t0\n1\t1\t1\n1\t3\t0\n"},
                     {"kg_final.txt", "0\t0\t4\n3\t1\t5\n"}};

BOOST_AUTO_TEST_CASE(positives_are_training_data_and_negatives_are_counted) {
  const RawData data = read_files("kgcn", kKgcn);

  BOOST_TEST((pairs_of(data.train) == IdPairs{{0, 2}, {1, 1}}));
  BOOST_TEST(data.test.users.empty());
  BOOST_TEST(data.user_names.size() == 2u);
  BOOST_TEST(data.item_names.size() == 4u);  // item 3 is known by a negative only
  BOOST_TEST((data.knowledge->other_names == Names{"4", "5"}));
  BOOST_TEST(reported(data, "pairs with label 0, known not to be interactions, left out") == 2);
  BOOST_TEST(data.report.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_label_is_zero_or_one_and_some_are_one) {
  BOOST_TEST(complaint_about("kgcn", with(kKgcn, "ratings_final.txt", "0\t0\t1\n0\t1\t5\n")) ==
             "ratings_final.txt:2:5: found label 5, expected 0 or 1");
  BOOST_TEST(complaint_about("kgcn", with(kKgcn, "ratings_final.txt", "0\t0\n")) ==
             "ratings_final.txt:1:4: found the line's end, expected a label");
  BOOST_TEST(complaint_about("kgcn", with(kKgcn, "ratings_final.txt", "0\t0\t0\n")) ==
             "ratings_final.txt: found no pair with label 1, expected at least one");
  BOOST_TEST(
      complaint_about("kgcn", with(kKgcn, "ratings_final.txt", "0\t2000000000\t1\n")) ==
      "ratings_final.txt:1:3: found item id 2000000000, expected ids without large gaps, for 1 "
      "interactions");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
