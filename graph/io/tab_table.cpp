#include "graph/io/tab_table.h"

#include <utility>

#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

void split(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  for (std::size_t begin = 0;;) {
    const std::size_t end = line.find('\t', begin);
    fields.push_back(line.substr(begin, end - begin));
    if (end == std::string_view::npos) return;
    begin = end + 1;
  }
}

}  // namespace

fs::path find_table(const fs::path& source, const std::string& extension, const std::string& hint) {
  const fs::path prefixed = source.string() + extension;
  if (!fs::is_directory(source)) {
    if (fs::is_regular_file(prefixed)) return prefixed;
    require_user(fs::is_regular_file(source) && source.extension() == extension, Exit::data, hint,
                 "{}: found neither a folder nor a file of this name", prefixed.string());
    return source;
  }
  fs::path found;
  for (const fs::directory_entry& entry : fs::directory_iterator(source)) {
    if (entry.path().extension() != extension) continue;
    require_user(found.empty(), Exit::data, "name one of them as the source",
                 "{}: found several files *{}, expected one", source.string(), extension);
    found = entry.path();
  }
  require_user(!found.empty(), Exit::data, hint, "{}: found no file *{}", source.string(),
               extension);
  return found;
}

TabTable::TabTable(fs::path path, std::string hint)
    : path_(std::move(path)),
      hint_(std::move(hint)),
      file_(MappedFile::open(path_, Exit::data)),
      lines_(file_.text()) {
  if (!lines_.next(line_) || line_.text.empty()) {
    fail_text({&path_, 1, 1}, quoted(line_.text), "a header", hint_);
  }
  odd_.see(line_);
  split(line_.text, names_);
  for (std::string_view& name : names_) name = name.substr(0, name.find(':'));
}

std::size_t TabTable::column(std::string_view name) const {
  std::size_t found = names_.size();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] != name) continue;
    if (found < names_.size()) {
      fail_text({&path_, 1, 1}, fmt::format("two columns named \"{}\"", name), "one", hint_);
    }
    found = i;
  }
  if (found == names_.size()) {
    const std::string_view header = file_.text().substr(0, file_.text().find('\n'));
    fail_text({&path_, 1, 1}, quoted(header), fmt::format("a column named \"{}\"", name), hint_);
  }
  return found;
}

bool TabTable::next() {
  while (lines_.next(line_)) {
    odd_.see(line_);
    if (line_.text.empty()) {
      ++odd_.blank;
      continue;
    }
    split(line_.text, fields_);
    if (fields_.size() != names_.size()) {
      fail_text({&path_, line_.number, 1}, fmt::format("{} fields", fields_.size()),
                fmt::format("{}, as in the header", names_.size()), hint_);
    }
    return true;
  }
  return false;
}

TextPlace TabTable::place(std::size_t column) const {
  return {&path_, line_.number, fields_[column].data() - line_.text.data() + 1};
}

void TabTable::report(RawData& data) const {
  const std::string name = path_.filename().string();
  odd_.report(name, data.report);
  data.files.push_back(name);
}

}  // namespace chorale
