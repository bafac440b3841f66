// RecBole's atomic files: tokens are numbered in the order in which they are met, and linked items
// take their entities' places.
#include <boost/test/unit_test.hpp>

#include "graph/io/prepare.h"
#include "tests/graph/knowledge_source.h"
#include "tests/graph/reader_helpers.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(recbole_reader)

using Names = std::vector<std::string>;

const std::string kInter = "user_id:token\titem_id:token\trating:float\n";
const Files kFiles = {{"x.inter", kInter + "ann\tA\t5\nbob\tB\t1\nann\tC\t3\n"},
                      {"x.link", "item_id:token\tentity_id:token\nB\tm.b\nA\tm.a\n"},
                      {"x.kg",
                       "head_id:token\trelation_id:token\ttail_id:token\n"
                       "m.a\tby\tm.x\nm.x\tknows\tm.b\nC\tby\tm.x\n"}};

Files with(const std::string& name, const std::string& text) {
  Files files = kFiles;
  files[name] = text;
  return files;
}

BOOST_AUTO_TEST_CASE(every_row_is_an_interaction_and_tokens_are_numbered_as_they_come) {
  const RawData data = read_files("recbole", {{"x.inter", kFiles.at("x.inter")}});

  BOOST_TEST((pairs_of(data.train) == IdPairs{{0, 0}, {1, 1}, {0, 2}}));
  BOOST_TEST((data.user_names == Names{"ann", "bob"}));
  BOOST_TEST((data.item_names == Names{"A", "B", "C"}));
  BOOST_TEST(!data.has_integer_ids);
  BOOST_TEST(!data.knowledge.has_value());
  BOOST_TEST(data.report.empty());
}

BOOST_AUTO_TEST_CASE(linked_items_take_the_place_of_their_entities) {
  const RawData data = read_files("recbole", kFiles);

  // m.a is item 0, m.b item 1; m.x and the entity C are no items, though item 2 is called C, too.
  BOOST_REQUIRE(data.knowledge.has_value());
  BOOST_TEST((data.knowledge->other_names == Names{"m.x", "C"}));
  BOOST_TEST((data.knowledge->relation_names == Names{"by", "knows"}));
  BOOST_TEST((data.knowledge->facts == std::vector<Fact>{{0, 0, 3}, {3, 1, 1}, {4, 0, 3}}));
  BOOST_TEST(reported(data, "items that are linked to no entity") == 1);
  BOOST_TEST((data.files == Names{"x.inter", "x.link", "x.kg"}));
}

BOOST_AUTO_TEST_CASE(links_of_unknown_items_are_counted_and_their_entities_are_no_items) {
  const RawData data =
      read_files("recbole", with("x.link", "item_id\tentity_id\r\nB\tm.b\r\nZ\tm.a\r\n"));

  BOOST_TEST(reported(data, "links of items without an interaction, left out") == 1);
  BOOST_TEST(reported(data, "x.link: lines that end with CR LF") == 3);
  BOOST_TEST((data.knowledge->other_names == Names{"m.a", "m.x", "C"}));
}

BOOST_AUTO_TEST_CASE(everything_else_is_an_error_with_its_place) {
  const auto complaint = [](const std::string& name, const std::string& text) {
    return complaint_about("recbole", with(name, text));
  };

  BOOST_TEST(complaint("x.inter", "user_id:token\titem:token\na\tb\n") ==
             "x.inter:1:1: found \"user_id:token\\x09item:token\", expected a column named "
             "\"item_id\"");
  BOOST_TEST(complaint("x.inter", kInter + "ann\t\t1\n") ==
             "x.inter:2:5: found nothing, expected an item's token");
  BOOST_TEST(complaint("x.inter", kInter) ==
             "x.inter: found no interaction, expected at least one");
  BOOST_TEST(complaint("x.link", "item_id\tentity_id\nA\tm.a\nB\tm.a\n") ==
             "x.link:3:3: found \"m.a\" linked a second time, expected each entity once");
  BOOST_TEST(complaint("x.link", "item_id\tentity_id\nA\tm.a\nA\tm.b\n") ==
             "x.link:3:1: found \"A\" linked a second time, expected each item once");
  BOOST_TEST(complaint("x.kg", "head_id\trelation_id\ttail_id\nm.a\tby\n") ==
             "x.kg:2:1: found 2 fields, expected 3, as in the header");
  BOOST_TEST(complaint("x.kg", "head_id\trelation_id\ttail_id\n") ==
             "x.kg: found no fact, expected at least one");
  Files unlinked = kFiles;
  unlinked.erase("x.link");
  BOOST_TEST(complaint_about("recbole", unlinked) ==
             "x.link: found no file of this name, which says which items are which entities");
}

BOOST_AUTO_TEST_CASE(features_need_tokens_that_are_integers) {
  const TemporaryFolder folder;
  write_text(folder / "s/x.inter", kInter + "7\t1\t5\n8\t0\t1\n");
  write_text(folder / "image.npy", npy_bytes(2, 1, {10, 11}));
  PrepareOptions options = {.format = "recbole",
                            .source = folder / "s",
                            .out = folder / "out",
                            .features = {{"image", Features::Side::item, folder / "image.npy"}}};
  prepare(options);

  const Dataset d = Dataset::open(options.out);

  BOOST_TEST(d.item_name(0) == "1");
  BOOST_TEST(d.features("image").row(0)[0] == 11.0F);
  options.features[0].side = Features::Side::user;
  options.force = true;
  BOOST_TEST(says(error_of([&] { prepare(options); }), "found user \"7\" in the source"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
