// Lists that give the raw id of every id: user_list.txt and item_list.txt of the NGCF and KGAT data
// sets.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace chorale {

// The header line "org_id remap_id", then one line each, in any order; further columns are ignored.
// Returns the raw id of id 0, 1, ... Throws Error (Exit::data) unless ids are dense from 0 and raw
// ids distinct.
std::vector<std::string> read_id_list(const std::filesystem::path& path);

}  // namespace chorale
