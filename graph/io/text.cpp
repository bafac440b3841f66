// Scanning text without copying it: lines and fields are views into the mapped file.
#include "graph/io/text.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "kernels/check.h"

namespace chorale {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string hint_for(std::string_view field) {
  for (const char c : field) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\r') || byte >= 0x7f) {
      return "the file does not look like plain text: is it compressed, or in another format?";
    }
    if (c == '\r') return "lines end with LF or CR LF; a CR within a line is not accepted";
    if (std::strchr(",;:|", c) != nullptr && c != '\0') {
      return fmt::format("ids are separated by single spaces, not by '{}'", c);
    }
  }
  if (field.front() == '-') return "ids count from 0";
  for (const char c : field) {
    if (!is_digit(c)) return "this format has integer ids; names belong into the id lists";
  }
  return "ids must be dense, from 0; renumber them";
}

}  // namespace

std::string TextPlace::text() const {
  return fmt::format("{}:{}:{}", file->string(), line, column);
}

void fail_text(const TextPlace& place, std::string_view found, std::string_view expected,
               const std::string& hint) {
  throw Error(Exit::data, fmt::format("{}: found {}, expected {}", place.text(), found, expected),
              hint);
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (text.size() > kLongest ? "\"..." : "\"");
}

void report_if(std::vector<ReportLine>& report, std::string what, Index count) {
  if (count > 0) report.push_back({std::move(what), count});
}

void LineOddities::see(const Line& line) {
  crlf += line.crlf ? 1 : 0;
  unterminated += line.terminated ? 0 : 1;
}

void LineOddities::report(const std::string& file, std::vector<ReportLine>& lines) const {
  report_if(lines, file + ": blank lines, skipped", blank);
  report_if(lines, file + ": lines that end with CR LF", crlf);
  report_if(lines, file + ": last line without an end", unterminated);
}

std::vector<std::string> integer_names(const LargestId& largest, std::string_view kind,
                                       Index interactions) {
  // One typing error must not become a billion phantom items.
  if (largest.id > 10'000'000 && largest.id / 20 > interactions) {
    fail_text(largest.place, fmt::format("{} id {}", kind, largest.id),
              fmt::format("ids without large gaps, for {} interactions", interactions),
              "ids must be dense, from 0; renumber them");
  }
  std::vector<std::string> names;
  for (Index i = 0; i <= largest.id; ++i) names.push_back(std::to_string(i));
  return names;
}

bool LineReader::next(Line& line) {
  if (rest_.empty()) return false;
  const std::size_t end = rest_.find('\n');
  line.terminated = end != std::string_view::npos;
  line.text = rest_.substr(0, end);
  line.number = ++number_;
  rest_.remove_prefix(line.terminated ? end + 1 : rest_.size());
  line.crlf = !line.text.empty() && line.text.back() == '\r';
  if (line.crlf) line.text.remove_suffix(1);
  return true;
}

bool FieldReader::next(std::string_view& field) {
  const std::size_t from = position_;
  bool tab = false;
  while (position_ < line_.size() && is_blank(line_[position_])) {
    tab = tab || line_[position_] == '\t';
    ++position_;
  }
  const std::size_t blanks = position_ - from;
  const bool at_end = position_ == line_.size();
  const std::size_t regular = (at_end ? count_ == 1 : count_ > 0) ? 1 : 0;
  irregular_ = irregular_ || tab || blanks > regular;
  if (at_end) return false;
  const std::size_t begin = position_;
  while (position_ < line_.size() && !is_blank(line_[position_])) ++position_;
  field = line_.substr(begin, position_ - begin);
  column_ = begin + 1;
  ++count_;
  return true;
}

std::int32_t parse_id(std::string_view field, std::string_view what, const TextPlace& place) {
  std::int64_t value = -1;
  const char* end = field.data() + field.size();
  const auto [stopped, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc{} || stopped != end || value < 0 || value > kLargestId ||
      field.front() == '-') [[unlikely]] {
    fail_text(place, quoted(field), fmt::format("{}, an integer from 0 to {}", what, kLargestId),
              hint_for(field));
  }
  return static_cast<std::int32_t>(value);
}

}  // namespace chorale
