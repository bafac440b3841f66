// Entities, facts and features of a prepared data set: served as they were read, by id; one more
// kind of row in every lane; and as well guarded as the rest.
#include "graph/io/knowledge.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <set>
#include <tuple>
#include <vector>

#include "comm/self_communicator.h"
#include "graph/bipartite.h"
#include "graph/io/dataset.h"
#include "graph/io/inspect.h"
#include "tests/graph/knowledge_source.h"
#include "tests/graph/planted.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(knowledge)

namespace fs = std::filesystem;
using Pairs = std::vector<std::pair<Index, Index>>;  // entity, relation

Pairs pairs(const Facts& facts) {
  Pairs result;
  for (std::size_t i = 0; i < facts.entities.size(); ++i) {
    result.emplace_back(facts.entities[i], facts.relations[i]);
  }
  return result;
}

struct Small {
  TemporaryFolder folder;
  Dataset open(int lanes = 2) const {
    write_small_kgat(folder / "source");
    prepare({.format = "kgat", .source = folder / "source", .out = folder / "out", .lanes = lanes});
    return Dataset::open(folder / "out");
  }
};

BOOST_AUTO_TEST_CASE(facts_are_served_by_head_and_by_tail_each_once) {
  const Small small;
  const Dataset d = small.open();

  BOOST_TEST(d.entities() == 6);
  BOOST_TEST(d.nodes() == 9);
  BOOST_TEST(d.relations() == 2);
  BOOST_TEST(d.triples() == 7);
  BOOST_TEST((pairs(d.facts_from(0)) == Pairs{{3, 0}, {3, 1}}));
  BOOST_TEST((pairs(d.facts_from(4)) == Pairs{{4, 1}}));
  BOOST_TEST((pairs(d.facts_from(5)) == Pairs{{2, 1}}));
  BOOST_TEST((pairs(d.facts_to(3)) == Pairs{{0, 0}, {0, 1}, {1, 0}}));
  BOOST_TEST((pairs(d.facts_to(4)) == Pairs{{2, 1}, {3, 0}, {4, 1}}));
  BOOST_TEST((pairs(d.facts_to(2)) == Pairs{{5, 1}}));
  BOOST_TEST(pairs(d.facts_to(5)).empty());
  BOOST_CHECK_THROW(d.facts_from(6), Error);
  BOOST_CHECK_THROW(d.facts_to(-1), Error);
}

BOOST_AUTO_TEST_CASE(without_a_knowledge_graph_entities_are_items_and_there_are_no_facts) {
  const Planted p(3);
  const Dataset d = p.open();

  BOOST_TEST(d.entities() == d.items());
  BOOST_TEST(d.relations() == 0);
  BOOST_TEST(d.triples() == 0);
  BOOST_TEST(d.feature_names().empty());
  BOOST_TEST(d.entity_name(82) == d.item_name(82));
  BOOST_CHECK_THROW(d.facts_from(0), Error);
  BOOST_CHECK_THROW(d.relation_name(0), Error);
  for (const char* name : {"knowledge.bin", "entities.tsv", "relations.tsv", "features"}) {
    BOOST_TEST(!fs::exists(p.options.out / name));
  }
}

BOOST_AUTO_TEST_CASE(every_fact_survives_in_both_directions) {
  const PlantedKnowledge p(7);
  const RawData raw = find_reader("kgat").read(p.options.source);
  const Dataset d = p.open();

  using Triple = std::tuple<Index, Index, Index>;
  std::set<Triple> expected, from, to;
  for (const Fact& f : raw.knowledge->facts) expected.emplace(f.head, f.relation, f.tail);
  for (Index e = 0; e < d.entities(); ++e) {
    const Pairs out = pairs(d.facts_from(e)), in = pairs(d.facts_to(e));
    BOOST_TEST(std::is_sorted(out.begin(), out.end()));
    BOOST_TEST(std::is_sorted(in.begin(), in.end()));
    for (const auto& [tail, relation] : out) from.emplace(e, relation, tail);
    for (const auto& [head, relation] : in) to.emplace(head, relation, e);
  }

  BOOST_TEST((from == expected));
  BOOST_TEST((to == expected));
  BOOST_TEST(d.triples() == static_cast<Index>(expected.size()));
}

BOOST_AUTO_TEST_CASE(rows_and_nodes_are_a_bijection_and_a_lane_has_users_items_and_others) {
  for (const int lanes : {1, 5, 64}) {
    const Dataset d = PlantedKnowledge(lanes).open();
    std::set<Index> rows;

    for (Index u = 0; u < d.users(); ++u) rows.insert(d.row_of_user(u));
    for (Index e = 0; e < d.entities(); ++e) {
      const Index row = d.row_of_entity(e);
      rows.insert(row);
      BOOST_TEST(d.node_of_row(row) == d.users() + e);
      BOOST_TEST(d.is_item(d.users() + e) == (e < d.items()));
      if (e < d.items()) BOOST_TEST(d.row_of_item(e) == row);
    }

    BOOST_TEST(rows.size() == static_cast<std::size_t>(d.nodes()));
    BOOST_TEST(*rows.rbegin() == d.nodes() - 1);
    const Partition p = d.node_partition({lanes, 1, 0});
    for (int lane = 0; lane < lanes; ++lane) {
      int before = 0;
      for (Index row = p.lane_begin(lane); row < p.lane_begin(lane + 1); ++row) {
        const Index node = d.node_of_row(row);
        const int kind = d.is_user(node) ? 0 : d.is_item(node) ? 1 : 2;
        BOOST_TEST(kind >= before);
        before = kind;
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(partitions_of_users_and_items_number_their_rows_among_the_nodes) {
  const Dataset d = PlantedKnowledge(8).open();

  for (const int lanes : {1, 3, 8}) {
    const Partition nodes = d.node_partition({lanes, 2, 1});
    const Partition users = d.user_partition({lanes, 2, 1});
    const Partition items = d.item_partition({lanes, 2, 1});
    BOOST_TEST(users.rows() == d.users());
    BOOST_TEST(items.rows() == d.items());
    Index user = 0, item = 0;
    for (Index row = 0; row < nodes.rows(); ++row) {
      const Index node = d.node_of_row(row);
      if (d.is_user(node)) BOOST_TEST(users.lane_of(user++) == nodes.lane_of(row));
      if (d.is_item(node)) BOOST_TEST(items.lane_of(item++) == nodes.lane_of(row));
    }
  }
  BOOST_TEST((error_of([&] { d.user_partition({9, 1, 0}); }).code() == Exit::usage));
}

BOOST_AUTO_TEST_CASE(repeated_facts_and_entities_without_facts_are_counted) {
  const TemporaryFolder folder;
  write_small_kgat(folder / "source");
  write_text(folder / "source/kg_final.txt", "0 0 3\n1 0 3\n0 0 3\n0 0 3\n");
  write_text(folder / "source/entity_list.txt", "org_id remap_id\na 0\nb 1\nc 2\nd 3\ne 4\nf 5\n");

  const PrepareReport r =
      prepare({.format = "kgat", .source = folder / "source", .out = folder / "out", .lanes = 2});

  BOOST_TEST((r.entities == 6 && r.relations == 1 && r.triples == 2));
  const auto count = [&](const std::string& what) {
    Index found = 0;
    for (const ReportLine& line : r.lines) found += line.what == what ? line.count : 0;
    return found;
  };
  BOOST_TEST(count("knowledge: duplicate facts, kept once") == 2);
  BOOST_TEST(count("items that no fact names") == 1);
  BOOST_TEST(count("other entities that no fact names") == 2);
}

BOOST_AUTO_TEST_CASE(names_of_entities_and_relations_come_from_the_lists_or_are_integers) {
  const Small small;
  BOOST_TEST(small.open().entity_name(4) == "4");
  BOOST_TEST(Dataset::open(small.folder / "out").relation_name(1) == "1");
  write_text(small.folder / "source/item_list.txt",
             "org_id remap_id freebase_id\na 0 x\nb 1 y\nc 2 z\n");
  write_text(small.folder / "source/entity_list.txt",
             "org_id remap_id\na 0\nb 1\nc 2\nd 3\ne 4\na-film 5\n");
  write_text(small.folder / "source/relation_list.txt", "org_id remap_id\nlikes 0\nmade 1\n");
  prepare({.format = "kgat", .source = small.folder / "source", .out = small.folder / "named"});

  const Dataset d = Dataset::open(small.folder / "named");

  BOOST_TEST(d.entity_name(1) == "b");
  BOOST_TEST(d.entity_name(5) == "a-film");
  BOOST_TEST(d.relation_name(1) == "made");
  BOOST_CHECK_THROW(d.entity_name(6), Error);
  BOOST_CHECK_THROW(d.relation_name(2), Error);
}

BOOST_AUTO_TEST_CASE(features_are_served_by_id_whatever_the_lanes) {
  const Dataset d = PlantedKnowledge(5).open();

  BOOST_TEST((d.feature_names() == std::vector<std::string>{"image", "profile"}));
  const Features image = d.features("image"), profile = d.features("profile");
  BOOST_TEST((image.side == Features::Side::item && profile.side == Features::Side::user));
  BOOST_TEST((image.rows == 83 && image.cols == 3 && profile.rows == 149 && profile.cols == 2));
  for (Index i = 0; i < 83; ++i) BOOST_TEST(image.row(i)[2] == static_cast<float>(10 * i + 2));
  for (Index u = 0; u < 149; ++u) BOOST_TEST(profile.row(u)[0] == static_cast<float>(10 * u));
  const Error error = error_of([&] { d.features("text"); });
  BOOST_TEST((error.code() == Exit::usage));
  BOOST_TEST(says(error, "has image, profile"));
}

BOOST_AUTO_TEST_CASE(other_entities_have_empty_rows_in_the_graph_of_interactions) {
  const Dataset d = PlantedKnowledge(4).open();
  const auto comm = make_self_communicator();
  const auto device = make_device({.kind = DeviceKind::reference});
  const Partition nodes = d.node_partition({4, 1, 0});

  for (const auto normalization :
       {Normalization::plain, Normalization::sym, Normalization::rw_i, Normalization::rw_sl}) {
    const DistCsr a = bipartite_adjacency(*device, *comm, d, nodes, normalization);
    Index others = 0;
    for (Index row = 0; row < nodes.rows(); ++row) {
      const Index node = d.node_of_row(row);
      if (d.is_user(node) || d.is_item(node)) continue;
      ++others;
      BOOST_TEST(a.view().row_begin[row] == a.view().row_begin[row + 1]);
    }
    BOOST_TEST(others == 41);
  }
}

BOOST_AUTO_TEST_CASE(the_description_tells_entities_facts_and_features) {
  const PlantedKnowledge p(2);
  const std::string text = describe(p.open());

  BOOST_TEST(text.find("knowledge: 124 entities, 41 of them no items; 3 relations, ") !=
             std::string::npos);
  BOOST_TEST(text.find("features image: 83 items x 3\nfeatures profile: 149 users x 2\n") !=
             std::string::npos);
}

// Opening must fail with Exit::data and name the file, or the folder.
void expect_damage(const PlantedKnowledge& p, const fs::path& file) {
  const Error error = error_of([&] { p.open(); });
  BOOST_TEST((error.code() == Exit::data));
  BOOST_TEST(says(error, file.string()), error.what());
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_and_a_missing_or_strange_file_are_found) {
  const PlantedKnowledge p(2);
  const fs::path out = p.options.out;
  for (const char* name : {"knowledge.bin", "features/image.bin", "features/profile.bin",
                           "entities.tsv", "relations.tsv"}) {
    const bool is_text = fs::path(name).extension() == ".tsv";
    const std::string good = read_text(out / name);
    for (std::size_t i = 0; i < good.size(); i += is_text ? 1 : 61) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      write_text(out / name, bad);
      expect_damage(p, is_text ? out : out / name);
    }
    fs::remove(out / name);
    expect_damage(p, out / name);
    write_text(out / name, good);
  }
  fs::copy_file(out / "features/image.bin", out / "features/text.bin");
  expect_damage(p, out / "dataset.json");
  fs::remove(out / "features/text.bin");
  fs::copy_file(out / "features/profile.bin", out / "features/image.bin",
                fs::copy_options::overwrite_existing);
  expect_damage(p, out / "features/image.bin");
}

BOOST_AUTO_TEST_CASE(facts_that_lead_outside_are_found_though_their_digests_fit) {
  const TemporaryFolder folder;
  const std::string path = (folder / "knowledge.bin").string();
  const std::vector<Fact> facts = {{0, 0, 2}, {1, 1, 2}, {0, 1, 2}, {2, 0, 0}};
  write_knowledge(path, facts, 3);

  BOOST_TEST((pairs(open_knowledge(path, 3, 2, 4).to[2]) == Pairs{{0, 0}, {0, 1}, {1, 1}}));
  const auto refused = [&](Index entities, Index relations, Index triples, const char* what) {
    const Error error = error_of([&] { open_knowledge(path, entities, relations, triples); });
    BOOST_TEST((error.code() == Exit::data));
    BOOST_TEST(says(error, what), error.what());
  };
  refused(4, 2, 4, "section \"from.begin\": found no ascending offsets");
  refused(3, 2, 5, "section \"from.begin\"");
  refused(3, 1, 4, "section \"from.entities\": found entity 2 by relation 1");
  write_knowledge(path, {{0, 0, 2}, {0, 0, 2}}, 3);
  refused(3, 2, 2, "found entity 2 by relation 0 after 2 by 0");
  LaneFileWriter writer(path, 0);  // lists that leave a fact out
  for (const std::string side : {"from", "to"}) {
    writer.add(side + ".begin", std::span<const Index>(std::vector<Index>{0, 1, 1}), 3, 1);
    writer.add(side + ".relations", std::span<const std::int32_t>(std::vector<std::int32_t>{0, 0}),
               2, 1);
    writer.add(side + ".entities", std::span<const std::int32_t>(std::vector<std::int32_t>{0, 1}),
               2, 1);
  }
  writer.finish();
  refused(2, 1, 2, "section \"from.begin\"");
}

BOOST_AUTO_TEST_CASE(force_replaces_a_folder_with_facts_and_features_but_no_strangers) {
  const PlantedKnowledge p(2);
  PrepareOptions again = p.options;
  again.force = true;

  prepare(again);
  BOOST_TEST(Dataset::open(again.out).triples() > 0);
  for (const char* stranger : {"features/thesis.tex", "features/more.bin/a.bin", "notes.bin"}) {
    write_text(again.out / stranger, "precious");
    const Error error = error_of([&] { prepare(again); });
    BOOST_TEST(says(error, "which is not part of a prepared data set"));
    BOOST_TEST(read_text(again.out / stranger) == "precious");
    fs::remove_all(again.out / "features/more.bin");
    fs::remove(again.out / stranger);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
