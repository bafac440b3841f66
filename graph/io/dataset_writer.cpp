// Writing lanes. The bytes depend on the lists, the names and the number
// of lanes only.
#include "graph/io/dataset_writer.h"

#include <span>
#include <string_view>

#include "graph/io/file.h"
#include "graph/io/lane_file.h"
#include "graph/io/lane_order.h"
#include "graph/io/manifest.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

// The lists of some rows, as two sections.
void add_lists(LaneFileWriter& writer, const std::string& begin_name,
               const std::string& values_name, const IdLists& lists,
               const std::vector<Index>& rows) {
  std::vector<Index> begin = {0};
  std::vector<std::int32_t> values;
  for (const Index row : rows) {
    const auto list = lists[row];
    values.insert(values.end(), list.begin(), list.end());
    begin.push_back(static_cast<Index>(values.size()));
  }
  writer.add(begin_name, std::span<const Index>(begin), static_cast<Index>(begin.size()), 1);
  writer.add(values_name, std::span<const std::int32_t>(values), static_cast<Index>(values.size()),
             1);
}

// One header line, then the raw id of each id.
Digest write_names(const fs::path& path, std::string_view header,
                   const std::vector<std::string>& names) {
  std::string text = std::string(header) + "\n";
  for (const std::string& name : names) {
    require_user(!name.empty() && name.find_first_of("\t\n") == std::string::npos, Exit::data,
                 "rename it in the source",
                 "a raw id is empty or holds a tab or a line end: \"{}\"", name);
    text += name;
    text += '\n';
  }
  write_file(path, text);
  return digest_of(text);
}

}  // namespace

std::string write_dataset_files(const fs::path& folder, const Splits& splits,
                                const std::vector<std::string>& user_names,
                                const std::vector<std::string>& item_names, int lanes) {
  const IdLists by_item = transposed(splits.train, static_cast<Index>(item_names.size()));
  const LaneOrder order = order_into_lanes(splits.train, by_item, lanes);

  DatasetDigest digest;
  for (int lane = 0; lane < lanes; ++lane) {
    const std::vector<Index>& u = order.users[static_cast<std::size_t>(lane)];
    const std::vector<Index>& m = order.items[static_cast<std::size_t>(lane)];
    LaneFileWriter writer((folder / kLanesName / lane_file_name(lane)).string(), lane);
    writer.add("users", std::span<const Index>(u), static_cast<Index>(u.size()), 1);
    writer.add("items", std::span<const Index>(m), static_cast<Index>(m.size()), 1);
    add_lists(writer, "train.begin", "train.items", splits.train, u);
    add_lists(writer, "validation.begin", "validation.items", splits.validation, u);
    add_lists(writer, "test.begin", "test.items", splits.test, u);
    add_lists(writer, "train_t.begin", "train_t.users", by_item, m);
    digest.add_lane(lane, writer.finish());
  }
  digest.add_file(kUsersName, write_names(folder / kUsersName, "user", user_names));
  digest.add_file(kItemsName, write_names(folder / kItemsName, "item", item_names));
  return digest.hex();
}

}  // namespace chorale
