// The atomic files of RecBole: .inter, with a row for each interaction, and, for a knowledge graph,
// .kg and .link. Raw ids are tokens; ids are dealt in the order in which tokens are met. An item
// that is linked to an entity takes its place in the facts. Names of items and of entities are
// apart: an entity that is called like an item is another thing unless it is linked.
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "graph/io/reader.h"
#include "graph/io/tab_table.h"
#include "graph/io/text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

const char* const kHint =
    "format recbole has tab-separated files under a header: NAME.inter (user_id, item_id), and for "
    "a knowledge graph NAME.kg (head_id, relation_id, tail_id) and NAME.link (item_id, entity_id)";

// Ids in the order in which tokens are met. Tokens are views: their file stays open.
class Tokens {
 public:
  std::int32_t id_of(std::string_view token) {
    const auto [found, is_new] = ids_.emplace(token, static_cast<std::int32_t>(names_.size()));
    if (is_new) names_.emplace_back(token);
    return found->second;
  }
  // -1 if it was not met.
  std::int32_t find(std::string_view token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? -1 : found->second;
  }
  Index size() const { return static_cast<Index>(names_.size()); }
  std::vector<std::string> take_names() { return std::move(names_); }

 private:
  std::unordered_map<std::string_view, std::int32_t> ids_;
  std::vector<std::string> names_;
};

std::string_view token_at(const TabTable& table, std::size_t column, std::string_view what) {
  if (table[column].empty()) fail_text(table.place(column), "nothing", what, kHint);
  return table[column];
}

Tokens read_interactions(TabTable& table, RawData& data) {
  const std::size_t user_column = table.column("user_id"), item_column = table.column("item_id");
  Tokens users, items;
  while (table.next()) {
    data.train.users.push_back(users.id_of(token_at(table, user_column, "a user's token")));
    data.train.items.push_back(items.id_of(token_at(table, item_column, "an item's token")));
  }
  table.report(data);
  data.user_names = users.take_names();
  return items;
}

// Of each linked entity the item that takes its place.
using Links = std::unordered_map<std::string_view, std::int32_t>;

Links read_links(TabTable& table, const Tokens& items, RawData& data) {
  const std::size_t item_column = table.column("item_id"),
                    entity_column = table.column("entity_id");
  const auto fail = [&](std::size_t column, std::string_view what) {
    fail_text(table.place(column), fmt::format("{} linked a second time", quoted(table[column])),
              what, "an item is one entity and an entity is one item; remove one of the lines");
  };
  Links links;
  std::vector<char> is_linked(static_cast<std::size_t>(items.size()), 0);
  Index strangers = 0;
  while (table.next()) {
    const std::int32_t item = items.find(token_at(table, item_column, "an item's token"));
    const std::string_view entity = token_at(table, entity_column, "an entity's token");
    if (item < 0) {
      ++strangers;
      continue;
    }
    if (!links.emplace(entity, item).second) fail(entity_column, "each entity once");
    char& linked = is_linked[static_cast<std::size_t>(item)];
    if (linked != 0) fail(item_column, "each item once");
    linked = 1;
  }
  table.report(data);
  report_if(data.report, "links of items without an interaction, left out", strangers);
  report_if(data.report, "items that are linked to no entity",
            items.size() - static_cast<Index>(links.size()));
  return links;
}

RawKnowledge read_facts(TabTable& table, const Links& links, Index items, RawData& data) {
  const std::size_t head_column = table.column("head_id");
  const std::size_t relation_column = table.column("relation_id");
  const std::size_t tail_column = table.column("tail_id");
  Tokens others, relations;
  const auto entity = [&](std::size_t column) {
    const std::string_view token = token_at(table, column, "an entity's token");
    const auto linked = links.find(token);
    return linked != links.end() ? linked->second
                                 : static_cast<std::int32_t>(items) + others.id_of(token);
  };
  RawKnowledge knowledge;
  while (table.next()) {
    const std::int32_t head = entity(head_column);
    const std::string_view relation = token_at(table, relation_column, "a relation's token");
    knowledge.facts.push_back({head, relations.id_of(relation), entity(tail_column)});
  }
  table.report(data);
  knowledge.other_names = others.take_names();
  knowledge.relation_names = relations.take_names();
  return knowledge;
}

class RecboleFiles final : public Reader {
 public:
  RawData read(const fs::path& source) const override {
    const fs::path path = find_table(source, ".inter", kHint);
    const auto beside = [&](const char* extension) {
      return fs::path(path).replace_extension(extension);
    };
    RawData data;
    data.has_integer_ids = false;
    TabTable interactions(path, kHint);
    Tokens items = read_interactions(interactions, data);
    require_user(!data.train.users.empty(), Exit::data, "there is nothing to train on",
                 "{}: found no interaction, expected at least one", path.string());
    if (fs::exists(beside(".kg"))) {
      require_user(fs::exists(beside(".link")), Exit::data, kHint,
                   "{}: found no file of this name, which says which items are which entities",
                   beside(".link").string());
      TabTable link_table(beside(".link"), kHint), fact_table(beside(".kg"), kHint);
      const Links links = read_links(link_table, items, data);
      data.knowledge = read_facts(fact_table, links, items.size(), data);
      require_user(!data.knowledge->facts.empty(), Exit::data,
                   "take the file away if there is no knowledge graph",
                   "{}: found no fact, expected at least one", beside(".kg").string());
    }
    data.item_names = items.take_names();
    return data;
  }
};

const ReaderRegistration registered("recbole", std::make_unique<RecboleFiles>());

}  // namespace
}  // namespace chorale
