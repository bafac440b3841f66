#include "graph/io/kg_final.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "graph/io/id_list.h"
#include "graph/io/triple_text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFactsName = "kg_final.txt";

std::vector<Fact> read_facts(const fs::path& path, RawData& data) {
  TripleReader lines(path, {"a head's entity id", "a relation id", "a tail's entity id"});
  std::vector<Fact> facts;
  while (lines.next()) facts.push_back({lines[0], lines[1], lines[2]});
  require_user(!facts.empty(), Exit::data, "take the file away if there is no knowledge graph",
               "{}: found no fact, expected at least one", path.string());
  lines.report(data);
  return facts;
}

// The number of ids: those below `known`, and the given ones without gaps above. Throws otherwise.
Index count_dense(const fs::path& path, std::vector<std::int32_t> ids, Index known,
                  std::string_view kind) {
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  ids.erase(ids.begin(), std::ranges::lower_bound(ids, known));
  const auto found = static_cast<Index>(ids.size());
  if (found == 0) return known;
  const Index expected = ids.back() - known + 1;
  Index first_gap = known;
  for (const std::int32_t id : ids) {
    if (id != first_gap) break;
    ++first_gap;
  }
  require_user(
      found == expected, Exit::data,
      fmt::format("renumber them, or name all of them in {}_list.txt", kind),
      "{}: found {} ids up to {}, {} of which do not occur, the first of them {}; expected "
      "ids without gaps",
      path.string(), kind, ids.back(), expected - found, first_gap);
  return known + found;
}

// Names from the list if there is one, else the integers from 0.
std::vector<std::string> read_names(const fs::path& folder, std::string_view kind,
                                    const std::vector<std::int32_t>& ids, Index known,
                                    RawData& data) {
  const std::string list = fmt::format("{}_list.txt", kind);
  if (fs::exists(folder / list)) {
    std::vector<std::string> names = read_id_list(folder / list);
    const Index largest = std::max<Index>(known - 1, std::ranges::max(ids));
    require_user(largest < static_cast<Index>(names.size()), Exit::data,
                 "the list must name every id; or take the list away to use the integers as names",
                 "{}: found {} id {}, expected one of the {} ids in {}",
                 (folder / kFactsName).string(), kind, largest, names.size(), list);
    data.files.push_back(list);
    return names;
  }
  std::vector<std::string> names;
  const Index count = count_dense(folder / kFactsName, ids, known, kind);
  for (Index i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

// Where both lists give names, entity i must be item i.
void check_items(const fs::path& folder, const std::vector<std::string>& items,
                 const std::vector<std::string>& entities) {
  if (!fs::exists(folder / "item_list.txt") || !fs::exists(folder / "entity_list.txt")) return;
  for (std::size_t i = 0; i < items.size(); ++i) {
    require_user(items[i] == entities[i], Exit::data,
                 "the first entities must be the items, in the same order",
                 "{}: found entity {} named {}, but item {} is {} in item_list.txt",
                 (folder / "entity_list.txt").string(), i, quoted(std::string_view(entities[i])), i,
                 quoted(std::string_view(items[i])));
  }
}

}  // namespace

void read_kg_final(const fs::path& folder, RawData& data) {
  RawKnowledge knowledge;
  knowledge.facts = read_facts(folder / kFactsName, data);
  std::vector<std::int32_t> entities, relations;
  for (const Fact& f : knowledge.facts) {
    entities.insert(entities.end(), {f.head, f.tail});
    relations.push_back(f.relation);
  }
  const auto items = static_cast<Index>(data.item_names.size());
  std::vector<std::string> names = read_names(folder, "entity", entities, items, data);
  check_items(folder, data.item_names, names);
  knowledge.other_names.assign(names.begin() + items, names.end());
  knowledge.relation_names = read_names(folder, "relation", relations, 0, data);
  data.knowledge = std::move(knowledge);
}

}  // namespace chorale
