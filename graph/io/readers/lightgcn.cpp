// The text format of the NGCF and LightGCN data sets: one line a user, "uid iid iid ...", integers
// from 0. Published files break naive parsers (a user without items is "uid" and one trailing
// space); whatever is accepted beyond single spaces and LF is counted in the report. docs/data.md
// has the whole list.
#include <algorithm>
#include <array>

#include "graph/io/file.h"
#include "graph/io/id_list.h"
#include "graph/io/reader.h"
#include "graph/io/text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

// Lines of one file that are accepted but worth telling.
struct Oddities {
  LineOddities lines;
  Index without_items = 0;
  Index separators = 0;
  Index not_ascending = 0;
  Index repeated_users = 0;

  void report(const std::string& file, std::vector<ReportLine>& to) const {
    report_if(to, file + ": users with an empty line", without_items);
    report_if(to, file + ": users on more than one line, merged", repeated_users);
    report_if(to, file + ": users out of ascending order", not_ascending);
    report_if(to, file + ": lines with tabs or extra spaces", separators);
    lines.report(file, to);
  }
};

class LightGcnText final : public Reader {
 public:
  RawData read(const fs::path& source) const override;
};

// What is read so far, and what it is read into.
struct Progress {
  RawData& data;
  LargestId user, item;
};

Index count_repeats(std::vector<std::int32_t> users) {
  std::sort(users.begin(), users.end());
  Index repeats = 0;
  for (std::size_t i = 1; i < users.size(); ++i) repeats += users[i] == users[i - 1] ? 1 : 0;
  return repeats;
}

// One line's pairs. Returns its user, or -1 for a blank line.
std::int32_t read_line(const Line& line, const fs::path& path, Progress& to, InteractionList& pairs,
                       Oddities& odd) {
  FieldReader fields(line.text);
  std::string_view field;
  TextPlace place{&path, line.number, 0};
  if (!fields.next(field)) {
    ++odd.lines.blank;
    return -1;
  }
  place.column = fields.column();
  const std::int32_t user = parse_id(field, "a user id", place);
  to.user.see(user, place);
  while (fields.next(field)) {
    place.column = fields.column();
    const std::int32_t item = parse_id(field, "an item id", place);
    to.item.see(item, place);
    pairs.users.push_back(user);
    pairs.items.push_back(item);
  }
  odd.without_items += fields.count() == 1 ? 1 : 0;
  odd.separators += fields.is_irregular() ? 1 : 0;
  return user;
}

void read_split(const fs::path& path, const std::string& name, Progress& to,
                InteractionList& pairs) {
  const MappedFile file = MappedFile::open(path, Exit::data);
  LineReader lines(file.text());
  Oddities odd;
  std::vector<std::int32_t> users;
  Line line;
  while (lines.next(line)) {
    odd.lines.see(line);
    const std::int32_t user = read_line(line, path, to, pairs, odd);
    if (user < 0) continue;
    odd.not_ascending += !users.empty() && user <= users.back() ? 1 : 0;
    users.push_back(user);
  }
  odd.repeated_users = count_repeats(std::move(users));
  odd.report(name, to.data.report);
  to.data.files.push_back(name);
}

// Raw ids from the list if there is one, else the integers themselves.
std::vector<std::string> read_names(const fs::path& source, const std::string& list,
                                    std::string_view kind, const LargestId& largest,
                                    RawData& data) {
  if (fs::exists(source / list)) {
    std::vector<std::string> names = read_id_list(source / list);
    if (largest.id >= static_cast<Index>(names.size())) {
      fail_text(largest.place, fmt::format("{} id {}", kind, largest.id),
                fmt::format("one of the {} ids in {}", names.size(), list),
                "the list must name every id; or take the list away to use the integers as names");
    }
    data.files.push_back(list);
    return names;
  }
  const auto pairs = static_cast<Index>(data.train.users.size() + data.test.users.size() +
                                        data.validation.users.size());
  return integer_names(largest, kind, pairs);
}

void check_files(const fs::path& source) {
  const std::string hint =
      "format lightgcn is a folder with train.txt and test.txt, and validation.txt if there is one";
  require_user(fs::is_directory(source), Exit::data, hint, "{}: found no folder of this name",
               source.string());
  for (const char* name : {"train.txt", "test.txt"}) {
    require_user(fs::exists(source / name), Exit::data, hint, "{}: found no file of this name",
                 (source / name).string());
  }
  require_user(!fs::exists(source / "validation.txt") || !fs::exists(source / "valid.txt"),
               Exit::data, "keep one of them",
               "{}: found both validation.txt and valid.txt, expected at most one",
               source.string());
}

RawData LightGcnText::read(const fs::path& source) const {
  check_files(source);
  RawData data;
  Progress progress{data, {}, {}};
  // The paths outlive `progress`, which remembers places in them.
  const std::array<fs::path, 4> paths = {source / "train.txt", source / "validation.txt",
                                         source / "valid.txt", source / "test.txt"};
  for (const fs::path& path : paths) {
    if (!fs::exists(path)) continue;
    const std::string name = path.filename().string();
    read_split(path, name, progress,
               name == "train.txt"  ? data.train
               : name == "test.txt" ? data.test
                                    : data.validation);
    require_user(!data.train.users.empty(), Exit::data, "there is nothing to train on",
                 "{}: found no interaction, expected at least one", path.string());
  }
  data.user_names = read_names(source, "user_list.txt", "user", progress.user, data);
  data.item_names = read_names(source, "item_list.txt", "item", progress.item, data);
  return data;
}

const ReaderRegistration registered("lightgcn", std::make_unique<LightGcnText>());

}  // namespace
}  // namespace chorale
