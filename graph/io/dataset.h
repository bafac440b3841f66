// A prepared data set: what `chorale prepare` wrote and every rank opens. Interactions are mapped
// from lane files, so ranks on one host share the pages and any user's list can be read without
// communication.
//
// Entities are the items and, with a knowledge graph, whatever else it names: ids 0 .. items()-1
// are items, the others follow.
//
// Four numberings, never to be mixed up:
//   raw id   the user's own name for a user or an entity: a string
//   id       0 .. users()-1 and 0 .. entities()-1, the order in which `prepare` met them (for
//            formats with integer ids: the integer in the file); ties in rankings are broken by
//            item id
//   node     user u is node u, entity e is node users() + e: one number, whatever the lanes
//   row      a row of the joint node matrix. Rows are put into lanes so that nodes that interact
//            share one and all carry a balanced share of the graph (lane_order.h): within a lane
//            first its users, then its items, then its other entities, each by descending degree.
//
// A prepared folder: dataset.json (counts, digests, the report), users.tsv and items.tsv (line i+1
// is the raw id of id i, after one header line), lanes/lane-0000.bin ... with the sections
//   users i64 (u), items i64 (m)                 ids in row order
//   entities i64 (o)                             of the others, if there is a knowledge graph
//   train.begin i64 (u+1), train.items i32       ids of the lane's users' items, ascending;
//                                                likewise validation.*, test.*
//   train_t.begin i64 (m+1), train_t.users i32   ids of the lane's items' users, ascending
// With a knowledge graph also entities.tsv (of the others), relations.tsv and knowledge.bin
// (knowledge.h); with features a file of each, features/<name>.bin (features.h).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comm/lanes.h"
#include "graph/io/features.h"
#include "graph/io/knowledge.h"
#include "graph/partition.h"

namespace chorale {

enum class Split { train, validation, test };
std::string_view name(Split split);

class Dataset {
 public:
  // Opens and verifies a prepared folder. Throws Error (Exit::data) naming file, found, expected
  // and a hint. `threads` of the host verify lanes.
  static Dataset open(const std::filesystem::path& folder, int threads = 1);

  const std::filesystem::path& folder() const;
  Index users() const;
  Index items() const;
  Index entities() const;  // items first; items() without a knowledge graph
  Index nodes() const { return users() + entities(); }
  Index relations() const;  // 0 without a knowledge graph
  Index triples() const;
  Index interactions(Split split) const;
  int stored_lanes() const;
  const std::string& digest() const;  // hex; of all lane files and id maps, in lane order

  // Item ids of a user, ascending; distinct.
  std::span<const std::int32_t> items_of(Split split, Index user) const;
  // User ids of an item's training interactions, ascending.
  std::span<const std::int32_t> users_of(Index item) const;

  // The facts of which an entity is the head: relation and tail of each, ascending by (tail,
  // relation). There must be a knowledge graph.
  Facts facts_from(Index entity) const;
  // The facts of which it is the tail: relation and head, ascending by (head, relation).
  Facts facts_to(Index entity) const;

  std::vector<std::string> feature_names() const;
  // Throws Error (Exit::usage) listing the known names if there is none of this name.
  Features features(std::string_view name) const;

  Index row_of_user(Index user) const;
  Index row_of_item(Index item) const;
  Index row_of_entity(Index entity) const;
  Index row_of_node(Index node) const;
  Index node_of_row(Index row) const;
  bool is_user(Index node) const { return node < users(); }
  bool is_item(Index node) const { return users() <= node && node < users() + items(); }

  // Nodes over `lanes` lanes: stored lanes are merged into runs, so lanes.count <= stored_lanes().
  // Throws Error (Exit::usage) otherwise.
  Partition node_partition(const Lanes& lanes) const;
  // Only the users, or only the items, of the same lanes: row i is the i-th user (item) among the
  // rows of the nodes.
  Partition user_partition(const Lanes& lanes) const;
  Partition item_partition(const Lanes& lanes) const;

  std::string user_name(Index user) const;  // raw id
  std::string item_name(Index item) const;
  std::string entity_name(Index entity) const;
  std::string relation_name(Index relation) const;
  std::optional<Index> find_user(std::string_view raw) const;
  std::optional<Index> find_item(std::string_view raw) const;

 private:
  struct Contents;
  // Runs of the stored lanes, which begin at these rows.
  Partition merged(const Lanes& lanes, const std::vector<Index>& begin) const;
  std::shared_ptr<const Contents> contents_;  // shared: a Dataset is a cheap handle on one mapping
};

}  // namespace chorale
