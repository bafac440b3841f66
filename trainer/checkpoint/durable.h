// Renames that survive a crash: each syncs the folder that holds the name, so that what it returned
// from has happened for good. Files themselves are written by graph/io/file.h. All throw Error
// (Exit::io).
#pragma once

#include <filesystem>
#include <string_view>

namespace chorale {

// Both names in one folder; `to` does not exist or is a file.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

// The file has either its old bytes or these, whenever the machine stops.
void replace_file_durably(const std::filesystem::path& path, std::string_view text);

// `to` becomes the folder `from`; a folder that was there goes, in one atomic exchange. Where the
// file system cannot exchange, the old folder is moved to TO.old first, and `recover_replaced`
// brings it back if the machine stops in between.
void replace_folder_durably(const std::filesystem::path& from, const std::filesystem::path& to);

// For every NAME.old of this folder: NAME again, if NAME is missing; removed otherwise.
void recover_replaced(const std::filesystem::path& folder);

// Creates the folder and makes its name durable; nothing if it is there.
void create_folder_durably(const std::filesystem::path& folder);

}  // namespace chorale
