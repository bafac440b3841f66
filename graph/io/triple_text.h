// Text files of three integers a line, between blanks or tabs: the facts of a knowledge graph,
// "head relation tail", and ratings, "user item label".
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "graph/io/file.h"
#include "graph/io/text.h"

namespace chorale {

class TripleReader {
 public:
  // `kinds`: what each number is, for messages: "a user id".
  TripleReader(std::filesystem::path path, const std::array<std::string_view, 3>& kinds);
  TripleReader(const TripleReader&) = delete;
  TripleReader& operator=(const TripleReader&) = delete;

  // The next line that is not blank. Throws Error (Exit::data) unless it holds three ids.
  bool next();
  std::int32_t operator[](std::size_t i) const { return values_[i]; }
  TextPlace place(std::size_t i) const { return {&path_, line_.number, columns_[i]}; }
  // After the last line: what was odd, and that the file was read.
  void report(RawData& data) const;

 private:
  std::filesystem::path path_;
  std::array<std::string_view, 3> kinds_;
  MappedFile file_;
  LineReader lines_;
  Line line_;
  LineOddities odd_;
  std::array<std::int32_t, 3> values_{};
  std::array<Index, 3> columns_{};
};

}  // namespace chorale
