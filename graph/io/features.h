// Features: one row of numbers for every user or every item, made elsewhere (of images, texts,
// sounds), read from a .npy file by `prepare` and kept in features/<name>.bin, a file in the format
// of lanes that every rank maps. Its one section, named "user" or "item", is f32, row by id.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/io/lane_file.h"
#include "graph/io/reader.h"

namespace chorale {

// Row i belongs to user or item i; row-major.
struct Features {
  enum class Side { user, item };
  Side side = Side::item;
  Index rows = 0;
  Index cols = 0;
  std::span<const float> values;

  std::span<const float> row(Index id) const {
    return values.subspan(static_cast<std::size_t>(id * cols), static_cast<std::size_t>(cols));
  }
};
std::string_view name(Features::Side side);

// What is asked of `prepare`: the features of this name are in that file.
struct FeatureSource {
  std::string name;
  Features::Side side = Features::Side::item;
  std::filesystem::path file;
};
// "image=image_feat.npy", of items; "profile@user=profiles.npy", of users. Throws Error
// (Exit::usage).
FeatureSource parse_feature_source(std::string_view text);
// Throws Error (Exit::usage) if two have one name.
void check_feature_names(const std::vector<FeatureSource>& sources);

struct FeatureMatrix {
  std::string name;
  Features::Side side = Features::Side::item;
  Index rows = 0;
  Index cols = 0;
  std::vector<float> values;
};
// One finite row for every user or item of the data, by id. Rows of the file follow the source's
// integer ids; if raw ids are tokens, these must be the integers. Throws Error (Exit::data).
FeatureMatrix read_features(const FeatureSource& source, const RawData& data);

// "image.bin"
std::string feature_file_name(std::string_view name);
// Synced. Throws Error (Exit::io). Returns the section.
std::vector<SectionInfo> write_features(const std::string& path, const FeatureMatrix& matrix);
// `expected`: all but the values, which are left empty. Throws Error (Exit::data) if the file holds
// something else.
LaneFile open_features(const std::string& path, const Features& expected);

}  // namespace chorale
