// A knowledge graph's facts: (head, relation, tail), each held once by its head and once by its
// tail.
//
// On disk one file in the format of lanes, knowledge.bin, that every rank maps:
//   from.begin i64 (entities + 1), from.relations i32, from.entities i32   by head; of each fact
//                                  its relation and its tail
//   to.begin, to.relations, to.entities                                    by tail; its relation
//                                  and its head
// A list is ascending by (entity, relation), and distinct.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/io/lane_file.h"

namespace chorale {

// Ids of two entities and of the relation between them.
struct Fact {
  std::int32_t head, relation, tail;
  friend auto operator<=>(const Fact&, const Fact&) = default;
};

// Some facts of one entity: the relation and the entity at the other end of each.
struct Facts {
  std::span<const std::int32_t> relations, entities;
};

// The facts of every entity, list by list.
struct FactLists {
  std::span<const Index> begin;
  std::span<const std::int32_t> relations, entities;

  Facts operator[](Index entity) const {
    const auto first = static_cast<std::size_t>(begin[static_cast<std::size_t>(entity)]);
    const auto last = static_cast<std::size_t>(begin[static_cast<std::size_t>(entity) + 1]);
    return {relations.subspan(first, last - first), entities.subspan(first, last - first)};
  }
};

struct KnowledgeFile {
  LaneFile file;
  FactLists from, to;
};

// Throws Error (Exit::data) unless every list holds what the header says, of ids within range.
KnowledgeFile open_knowledge(const std::string& path, Index entities, Index relations,
                             Index triples);

// `facts`: distinct, in any order. Synced. Throws Error (Exit::io). Returns the sections.
std::vector<SectionInfo> write_knowledge(const std::string& path, std::vector<Fact> facts,
                                         Index entities);

}  // namespace chorale
