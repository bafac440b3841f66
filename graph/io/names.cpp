// Raw ids stay in the mapped file; only where each line begins is kept.
#include "graph/io/names.h"

#include <algorithm>
#include <numeric>

namespace chorale {

Names::Names(const std::filesystem::path& path, Index count)
    : file_(MappedFile::open(path, Exit::data)) {
  const std::string_view text = file_.text();
  std::size_t end = text.find('\n');
  while (end != std::string_view::npos) {
    begin_.push_back(static_cast<Index>(end) + 1);
    end = text.find('\n', end + 1);
  }
  const Index found = static_cast<Index>(begin_.size()) - 1;
  require_user(found == count && begin_.back() == file_.size(), Exit::data,
               "the file is damaged or incomplete; prepare the data set again",
               "{}: found {} raw ids, expected {}", path.string(), std::max<Index>(found, 0),
               count);
}

std::string_view Names::operator[](Index id) const {
  require(id >= 0 && id + 1 < static_cast<Index>(begin_.size()), "id {} of {}", id,
          begin_.size() - 1);
  const Index first = begin_[static_cast<std::size_t>(id)];
  const Index last = begin_[static_cast<std::size_t>(id) + 1] - 1;
  return file_.text().substr(static_cast<std::size_t>(first),
                             static_cast<std::size_t>(last - first));
}

std::optional<Index> Names::find(std::string_view raw) const {
  std::call_once(sorted_, [&] {
    order_.resize(begin_.size() - 1);
    std::iota(order_.begin(), order_.end(), Index{0});
    std::sort(order_.begin(), order_.end(),
              [&](Index a, Index b) { return (*this)[a] < (*this)[b]; });
  });
  const auto found =
      std::lower_bound(order_.begin(), order_.end(), raw,
                       [&](Index id, std::string_view r) { return (*this)[id] < r; });
  if (found == order_.end() || (*this)[*found] != raw) return std::nullopt;
  return *found;
}

}  // namespace chorale
