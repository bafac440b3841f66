// What readers of text share: lines of any length and either kind of end, fields between blanks,
// ids, and error messages that name file, line and column (in bytes, from 1).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "graph/io/reader.h"
#include "kernels/view.h"

namespace chorale {

// Ids are stored in 32 bits, and their number, too, must fit.
constexpr Index kLargestId = 2147483646;

struct TextPlace {
  const std::filesystem::path* file = nullptr;
  Index line = 0;
  Index column = 0;
  std::string text() const;
};

// Throws Error (Exit::data) "file:line:column: found ..., expected ...".
[[noreturn]] void fail_text(const TextPlace& place, std::string_view found,
                            std::string_view expected, const std::string& hint);

// In quotes, unprintable bytes as \x1f, shortened to some 40 characters.
std::string quoted(std::string_view text);

// Appends a line to a report if there is something to count.
void report_if(std::vector<ReportLine>& report, std::string what, Index count);

struct Line {
  std::string_view text;  // without its end
  Index number = 0;
  bool crlf = false;
  bool terminated = true;  // false: the last line, without an end
};

class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}
  bool next(Line& line);

 private:
  std::string_view rest_;
  Index number_ = 0;
};

// Lines of one file that are accepted but worth telling.
struct LineOddities {
  Index blank = 0;  // counted by the caller, who knows what a blank line is
  Index crlf = 0;
  Index unterminated = 0;

  void see(const Line& line);
  void report(const std::string& file, std::vector<ReportLine>& lines) const;
};

// Fields of one line, separated by blanks and tabs.
class FieldReader {
 public:
  explicit FieldReader(std::string_view line) : line_(line) {}
  bool next(std::string_view& field);
  Index column() const { return static_cast<Index>(column_); }  // of the last field
  Index count() const { return count_; }                        // fields so far
  // Whether the blanks so far were other than single spaces between fields. A single space after a
  // lone field is regular: that is how these formats write a user without items.
  bool is_irregular() const { return irregular_; }

 private:
  std::string_view line_;
  std::size_t position_ = 0;
  std::size_t column_ = 0;
  Index count_ = 0;
  bool irregular_ = false;
};

// The largest id seen and where, so that an absurd one can be shown.
struct LargestId {
  std::int32_t id = -1;
  TextPlace place;

  void see(std::int32_t value, const TextPlace& where) {
    if (value <= id) return;
    id = value;
    place = where;
  }
};
// Raw ids "0", "1", ... up to the largest. Throws Error (Exit::data) if it is so large, for so many
// interactions, that it must be a typing error.
std::vector<std::string> integer_names(const LargestId& largest, std::string_view kind,
                                       Index interactions);

// A field as an id from 0 to kLargestId; anything else throws. `what`: "a user id".
std::int32_t parse_id(std::string_view field, std::string_view what, const TextPlace& place);

}  // namespace chorale
