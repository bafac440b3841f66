#include "graph/io/triple_text.h"

#include <utility>

#include "kernels/check.h"

namespace chorale {

TripleReader::TripleReader(std::filesystem::path path, const std::array<std::string_view, 3>& kinds)
    : path_(std::move(path)),
      kinds_(kinds),
      file_(MappedFile::open(path_, Exit::data)),
      lines_(file_.text()) {}

bool TripleReader::next() {
  const std::string hint = fmt::format("a line is {}, {} and {}", kinds_[0], kinds_[1], kinds_[2]);
  while (lines_.next(line_)) {
    odd_.see(line_);
    FieldReader fields(line_.text);
    std::string_view field;
    std::size_t n = 0;
    for (; fields.next(field); ++n) {
      const TextPlace here{&path_, line_.number, fields.column()};
      if (n == values_.size()) fail_text(here, quoted(field), "the line's end", hint);
      columns_[n] = here.column;
      values_[n] = parse_id(field, kinds_[n], here);
    }
    if (n == values_.size()) return true;
    if (n > 0) {
      fail_text({&path_, line_.number, static_cast<Index>(line_.text.size()) + 1}, "the line's end",
                kinds_[n], hint);
    }
    ++odd_.blank;
  }
  return false;
}

void TripleReader::report(RawData& data) const {
  const std::string name = path_.filename().string();
  odd_.report(name, data.report);
  data.files.push_back(name);
}

}  // namespace chorale
