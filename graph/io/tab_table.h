// Tab-separated tables under a header, as RecBole and MMRec write them. A column is named "item_id"
// or, with its type, "item_id:token".
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "graph/io/file.h"
#include "graph/io/text.h"

namespace chorale {

// The one file with this extension of a folder, or of a prefix ("data/tiktok" for
// "data/tiktok.inter"), or the file itself. Throws Error (Exit::data) if there is none or several.
std::filesystem::path find_table(const std::filesystem::path& source, const std::string& extension,
                                 const std::string& hint);

class TabTable {
 public:
  // Throws Error (Exit::data) if there is no header. `hint`: what the format looks like.
  TabTable(std::filesystem::path path, std::string hint);
  TabTable(const TabTable&) = delete;
  TabTable& operator=(const TabTable&) = delete;

  // Throws Error (Exit::data) if there is no column, or no one column, of this name.
  std::size_t column(std::string_view name) const;

  // The next line that is not empty. Throws Error (Exit::data) unless it has as many fields as the
  // header.
  bool next();
  std::string_view operator[](std::size_t column) const { return fields_[column]; }
  TextPlace place(std::size_t column) const;
  // After the last line: what was odd, and that the file was read.
  void report(RawData& data) const;

 private:
  std::filesystem::path path_;
  std::string hint_;
  MappedFile file_;
  LineReader lines_;
  Line line_;
  LineOddities odd_;
  std::vector<std::string_view> names_, fields_;
};

}  // namespace chorale
