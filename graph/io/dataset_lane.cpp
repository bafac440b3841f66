// Checks of one lane's sections: offsets ascend within the section, ids ascend within their range.
#include "graph/io/dataset_lane.h"

#include <string>

#include "kernels/check.h"

namespace chorale {
namespace {

const char* const kHint =
    "the file is damaged or belongs to another data set; prepare the data set again";

void check_ids(const std::string& path, std::string_view section, std::span<const Index> ids,
               Index first, Index end) {
  for (const Index id : ids) {
    require_user(id >= first && id < end, Exit::data, kHint,
                 "{}: section \"{}\": found id {}, expected {} to {}", path, section, id, first,
                 end - 1);
  }
}

LaneLists open_lists(const LaneFile& file, const std::string& begin_name,
                     const std::string& values_name, std::size_t rows, Index ids) {
  const LaneLists lists{file.get<Index>(begin_name), file.get<std::int32_t>(values_name)};
  const auto& begin = lists.begin;
  bool holds = begin.size() == rows + 1 && begin.front() == 0 && begin.back() == lists.size();
  for (std::size_t i = 0; holds && i < rows; ++i) holds = begin[i] <= begin[i + 1];
  require_user(holds, Exit::data, kHint,
               "{}: section \"{}\": found no ascending offsets of {} lists with {} ids",
               file.path(), begin_name, rows, lists.size());
  for (std::size_t i = 0; i < rows; ++i) {
    Index before = -1;
    for (const std::int32_t id : lists[static_cast<Index>(i)]) {
      require_user(before < id && id < ids, Exit::data, kHint,
                   "{}: section \"{}\": found id {} after {} in list {}, expected ascending ids "
                   "below {}",
                   file.path(), values_name, id, before, i, ids);
      before = id;
    }
  }
  return lists;
}

}  // namespace

DatasetLane open_dataset_lane(const std::filesystem::path& folder, int lane,
                              const Manifest& manifest) {
  const std::string path = (folder / kLanesName / lane_file_name(lane)).string();
  DatasetLane d;
  d.file = LaneFile::open(path, true);
  require_user(d.file.lane() == lane, Exit::data, kHint, "{}: found lane {}, expected lane {}",
               path, d.file.lane(), lane);
  d.users = d.file.get<Index>("users");
  d.items = d.file.get<Index>("items");
  check_ids(path, "users", d.users, 0, manifest.users);
  check_ids(path, "items", d.items, 0, manifest.items);
  if (manifest.has_knowledge()) {
    d.others = d.file.get<Index>("entities");
    check_ids(path, "entities", d.others, manifest.items, manifest.entities);
  }
  const std::size_t u = d.users.size(), m = d.items.size();
  d.splits[0] = open_lists(d.file, "train.begin", "train.items", u, manifest.items);
  d.splits[1] = open_lists(d.file, "validation.begin", "validation.items", u, manifest.items);
  d.splits[2] = open_lists(d.file, "test.begin", "test.items", u, manifest.items);
  d.users_of_items = open_lists(d.file, "train_t.begin", "train_t.users", m, manifest.users);
  return d;
}

}  // namespace chorale
