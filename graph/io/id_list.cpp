// Id lists are sorted twice, by id and by raw id, to find gaps and repeats with the lines they
// stand on.
#include "graph/io/id_list.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "graph/io/file.h"
#include "graph/io/text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

struct Entry {
  std::string_view raw;
  std::int32_t id;
  Index line;
};

const char* const kHint =
    "the first line is \"org_id remap_id\", then come a raw id without blanks, a space and the "
    "integer that "
    "stands for it in the other files";

void read_header(const std::filesystem::path& path, LineReader& lines) {
  Line line;
  std::string_view first, second;
  if (lines.next(line)) {
    FieldReader fields(line.text);
    if (fields.next(first) && fields.next(second) && first == "org_id" && second == "remap_id") {
      return;
    }
  }
  fail_text({&path, 1, 1}, quoted(line.text), "the header \"org_id remap_id\"", kHint);
}

std::vector<Entry> read_entries(const std::filesystem::path& path, LineReader& lines) {
  std::vector<Entry> entries;
  Line line;
  while (lines.next(line)) {
    FieldReader fields(line.text);
    std::string_view raw, id;
    if (!fields.next(raw)) continue;
    if (!fields.next(id)) {
      fail_text({&path, line.number, static_cast<Index>(line.text.size()) + 1}, "the line's end",
                "a raw id and its integer id", kHint);
    }
    const TextPlace place{&path, line.number, fields.column()};
    entries.push_back({raw, parse_id(id, "an id", place), line.number});
  }
  return entries;
}

}  // namespace

std::vector<std::string> read_id_list(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path, Exit::data);
  LineReader lines(file.text());
  read_header(path, lines);
  std::vector<Entry> entries = read_entries(path, lines);

  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.id != b.id ? a.id < b.id : a.line < b.line;
  });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& e = entries[i];
    const TextPlace place{&path, e.line, 1};
    if (i > 0 && entries[i - 1].id == e.id) {
      fail_text(place, fmt::format("id {} a second time", e.id),
                fmt::format("each id once (first on line {})", entries[i - 1].line), kHint);
    }
    if (e.id != static_cast<std::int32_t>(i)) {
      fail_text(place, fmt::format("id {} but no id {}", e.id, i), "ids without gaps, from 0",
                kHint);
    }
  }

  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const Entry &x = entries[a], &y = entries[b];
    return x.raw != y.raw ? x.raw < y.raw : x.line < y.line;
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Entry &before = entries[order[i - 1]], &e = entries[order[i]];
    if (before.raw == e.raw) {
      fail_text({&path, e.line, 1}, fmt::format("raw id {} a second time", quoted(e.raw)),
                fmt::format("each raw id once (first on line {})", before.line), kHint);
    }
  }
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const Entry& e : entries) names.emplace_back(e.raw);
  return names;
}

}  // namespace chorale
