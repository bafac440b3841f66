// A map from ids to raw ids and back: users.tsv or items.tsv, mapped. Line i + 1 is the raw id of
// id i.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "graph/io/file.h"

namespace chorale {

class Names {
 public:
  // Throws Error (Exit::data) unless the file has a header and `count` lines.
  Names(const std::filesystem::path& path, Index count);
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  std::string_view operator[](Index id) const;
  std::optional<Index> find(std::string_view raw) const;
  std::span<const std::byte> bytes() const { return file_.bytes(); }

 private:
  MappedFile file_;
  std::vector<Index> begin_;  // of each line; one more at the end
  // Ids by raw id, sorted when first asked for: training never asks.
  mutable std::once_flag sorted_;
  mutable std::vector<Index> order_;
};

}  // namespace chorale
