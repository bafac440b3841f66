// Writing lanes and what stands beside them. The bytes depend on the contents and the number of
// lanes only.
#include "graph/io/dataset_writer.h"

#include <span>
#include <string_view>

#include "graph/io/file.h"
#include "graph/io/lane_file.h"
#include "graph/io/manifest.h"
#include "kernels/check.h"
#include "kernels/cpu/thread_pool.h"

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

// The entities that share a fact with each entity; without a knowledge graph no lists.
IdLists related_entities(const DatasetContents& contents) {
  if (!contents.knowledge) return {};
  InteractionList pairs;
  for (const Fact& f : contents.knowledge->facts) {
    if (f.head == f.tail) continue;
    pairs.users.insert(pairs.users.end(), {f.head, f.tail});
    pairs.items.insert(pairs.items.end(), {f.tail, f.head});
  }
  return group_by_user(pairs, contents.entities(), contents.entities()).lists;
}

// Returns the sections of the file.
std::vector<SectionInfo> write_lane(const fs::path& folder, const DatasetContents& contents,
                                    const IdLists& by_item, const LaneOrder& order, int lane) {
  const Splits& splits = contents.splits;
  const std::vector<Index>& u = order.users[static_cast<std::size_t>(lane)];
  const std::vector<Index>& m = order.items[static_cast<std::size_t>(lane)];
  const std::vector<Index>& o = order.others[static_cast<std::size_t>(lane)];
  LaneFileWriter writer((folder / lane_file_name(lane)).string(), lane);
  writer.add("users", std::span<const Index>(u), static_cast<Index>(u.size()), 1);
  writer.add("items", std::span<const Index>(m), static_cast<Index>(m.size()), 1);
  if (contents.knowledge) {
    writer.add("entities", std::span<const Index>(o), static_cast<Index>(o.size()), 1);
  }
  add_lists(writer, "train.begin", "train.items", splits.train, u);
  add_lists(writer, "validation.begin", "validation.items", splits.validation, u);
  add_lists(writer, "test.begin", "test.items", splits.test, u);
  add_lists(writer, "train_t.begin", "train_t.users", by_item, m);
  return writer.finish();
}

void write_lanes(const fs::path& folder, const DatasetContents& contents, int lanes, int threads,
                 DatasetDigest& digest) {
  const IdLists& train = contents.splits.train;
  const IdLists found = contents.by_item ? IdLists{} : transposed(train, contents.items(), threads);
  const IdLists& by_item = contents.by_item ? *contents.by_item : found;
  const LaneOrder order = contents.order
                              ? *contents.order
                              : order_into_lanes(train, by_item, related_entities(contents), lanes);
  std::vector<std::vector<SectionInfo>> sections(static_cast<std::size_t>(lanes));
  ThreadPool(threads).parallel_for(lanes, 1, [&](Index first, Index last) {
    for (Index lane = first; lane < last; ++lane) {
      sections[static_cast<std::size_t>(lane)] =
          write_lane(folder, contents, by_item, order, static_cast<int>(lane));
    }
  });
  for (int lane = 0; lane < lanes; ++lane) {
    digest.add_sections(lane_file_name(lane), sections[static_cast<std::size_t>(lane)]);
  }
}

}  // namespace

std::string write_dataset_files(const fs::path& folder, const DatasetContents& contents, int lanes,
                                int threads) {
  DatasetDigest digest;
  const auto add_names = [&](const char* file, std::string_view header,
                             const std::vector<std::string>& names) {
    digest.add_file(file, write_names(folder / file, header, names));
  };
  fs::create_directory(folder / kLanesName);
  write_lanes(folder / kLanesName, contents, lanes, threads, digest);
  add_names(kUsersName, "user", contents.user_names);
  add_names(kItemsName, "item", contents.item_names);
  if (contents.knowledge) {
    add_names(kEntitiesName, "entity", contents.knowledge->other_names);
    add_names(kRelationsName, "relation", contents.knowledge->relation_names);
    digest.add_sections(kKnowledgeName,
                        write_knowledge((folder / kKnowledgeName).string(),
                                        contents.knowledge->facts, contents.entities()));
  }
  if (!contents.features.empty()) fs::create_directory(folder / kFeaturesName);
  for (const FeatureMatrix& f : contents.features) {
    const std::string file = feature_file_name(f.name);
    digest.add_sections(file, write_features((folder / kFeaturesName / file).string(), f));
  }
  for (const char* inner : {kLanesName, kFeaturesName}) {
    if (fs::exists(folder / inner)) sync_folder(folder / inner);
  }
  return digest.hex();
}

}  // namespace chorale
