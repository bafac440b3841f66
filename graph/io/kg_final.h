// kg_final.txt, the knowledge graph of the KGAT, KGIN and KGCN data sets, "head relation tail" in
// integers. Its first entities are the items: entity i is item i.
#pragma once

#include <filesystem>

#include "graph/io/reader.h"

namespace chorale {

// Adds the facts to `data`, whose items are known, with the names of entity_list.txt and
// relation_list.txt where there are such lists, and the integers as names otherwise. Without a list
// ids must have no gaps. Throws Error (Exit::data).
void read_kg_final(const std::filesystem::path& folder, RawData& data);

}  // namespace chorale
