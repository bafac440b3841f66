#include "graph/io/knowledge.h"

#include <algorithm>
#include <tuple>

#include "kernels/check.h"

namespace chorale {
namespace {

const char* const kHint =
    "the file is damaged or belongs to another data set; prepare the data set again";

void check_list(const std::string& path, const std::string& name, const Facts& facts, Index list,
                Index entities, Index relations) {
  std::pair<Index, Index> before = {-1, 0};
  for (std::size_t i = 0; i < facts.entities.size(); ++i) {
    const std::pair<Index, Index> now = {facts.entities[i], facts.relations[i]};
    require_user(before < now && now.first < entities && now.second >= 0 && now.second < relations,
                 Exit::data, kHint,
                 "{}: section \"{}\": found entity {} by relation {} after {} by {} in list {}, "
                 "expected ascending ids below {} and {}",
                 path, name, now.first, now.second, before.first, before.second, list, entities,
                 relations);
    before = now;
  }
}

FactLists open_lists(const LaneFile& file, const std::string& side, Index entities, Index relations,
                     Index triples) {
  const FactLists lists{file.get<Index>(side + ".begin"),
                        file.get<std::int32_t>(side + ".relations"),
                        file.get<std::int32_t>(side + ".entities")};
  const auto n = static_cast<std::size_t>(triples);
  const auto& begin = lists.begin;
  require_user(begin.size() == static_cast<std::size_t>(entities) + 1 && begin.front() == 0 &&
                   begin.back() == triples && std::is_sorted(begin.begin(), begin.end()) &&
                   lists.relations.size() == n && lists.entities.size() == n,
               Exit::data, kHint,
               "{}: section \"{}.begin\": found no ascending offsets of {} lists with {} facts",
               file.path(), side, entities, triples);
  for (Index e = 0; e < entities; ++e) {
    check_list(file.path(), side + ".entities", lists[e], e, entities, relations);
  }
  return lists;
}

// Facts ascending by (list, entity, relation) as three sections.
template <class ListOf, class EntityOf>
void add_lists(LaneFileWriter& writer, const std::string& side, const std::vector<Fact>& facts,
               Index entities, ListOf list_of, EntityOf entity_of) {
  std::vector<Index> begin(static_cast<std::size_t>(entities) + 1, 0);
  std::vector<std::int32_t> relations, others;
  for (const Fact& f : facts) {
    ++begin[static_cast<std::size_t>(list_of(f)) + 1];
    relations.push_back(f.relation);
    others.push_back(entity_of(f));
  }
  for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
  const auto add = [&]<class T>(const char* name, const std::vector<T>& values) {
    writer.add(side + name, std::span<const T>(values), static_cast<Index>(values.size()), 1);
  };
  add(".begin", begin);
  add(".relations", relations);
  add(".entities", others);
}

}  // namespace

KnowledgeFile open_knowledge(const std::string& path, Index entities, Index relations,
                             Index triples) {
  KnowledgeFile k;
  k.file = LaneFile::open(path, true);
  k.from = open_lists(k.file, "from", entities, relations, triples);
  k.to = open_lists(k.file, "to", entities, relations, triples);
  return k;
}

std::vector<SectionInfo> write_knowledge(const std::string& path, std::vector<Fact> facts,
                                         Index entities) {
  const auto head = [](const Fact& f) { return f.head; };
  const auto tail = [](const Fact& f) { return f.tail; };
  LaneFileWriter writer(path, 0);
  std::ranges::sort(facts, {},
                    [](const Fact& f) { return std::tuple(f.head, f.tail, f.relation); });
  add_lists(writer, "from", facts, entities, head, tail);
  std::ranges::sort(facts, {},
                    [](const Fact& f) { return std::tuple(f.tail, f.head, f.relation); });
  add_lists(writer, "to", facts, entities, tail, head);
  return writer.finish();
}

}  // namespace chorale
