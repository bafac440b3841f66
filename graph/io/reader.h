// Text formats. A reader turns one format into plain lists; `prepare` does everything else. To add
// a format, write graph/io/readers/<name>.cpp with a ReaderRegistration; `chorale prepare --format
// <name>` finds it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/io/knowledge.h"
#include "kernels/view.h"

namespace chorale {

// Pairs (user id, item id), in the order of the file.
struct InteractionList {
  std::vector<Index> users;
  std::vector<Index> items;
};

// A number worth telling: "test users without an item: 4".
struct ReportLine {
  std::string what;
  Index count;
};

// A knowledge graph. Entities are the items, in their order, and then the others.
struct RawKnowledge {
  std::vector<std::string> other_names;  // raw ids of the entities that are no items
  std::vector<std::string> relation_names;
  std::vector<Fact> facts;  // in the order of the file
};

struct RawData {
  std::vector<std::string> user_names;  // raw id of each id
  std::vector<std::string> item_names;
  // The ids are integers of the source; else they were dealt while reading and only the raw ids are
  // the source's.
  bool has_integer_ids = true;
  InteractionList train, validation, test;
  std::optional<RawKnowledge> knowledge;
  std::vector<std::string> files;  // what was read, relative to the source folder
  std::vector<ReportLine> report;  // oddities met, each counted
};

class Reader {
 public:
  virtual ~Reader() = default;
  // Throws Error (Exit::data) "file:line:column: found, expected" with a hint.
  virtual RawData read(const std::filesystem::path& source) const = 0;
};

// Throws Error (Exit::usage) listing the known formats if there is none of this name.
const Reader& find_reader(std::string_view format);
std::vector<std::string> reader_names();

struct ReaderRegistration {
  ReaderRegistration(std::string name, std::unique_ptr<Reader> reader);
};

}  // namespace chorale
