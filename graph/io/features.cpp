#include "graph/io/features.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "graph/io/npy.h"
#include "graph/io/text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

const char* const kSourceHint =
    "write NAME=FILE.npy for items, NAME@user=FILE.npy for users; a name is made of letters, "
    "digits, '_' and '-'";

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

// The integer that a token writes in decimal, as "17" but not "017"; -1 if it is none below count.
Index integer_of(const std::string& token, Index count) {
  Index value = -1;
  const char* end = token.data() + token.size();
  const auto [stopped, error] = std::from_chars(token.data(), end, value);
  const bool is_integer = error == std::errc{} && stopped == end && std::to_string(value) == token;
  return is_integer && value >= 0 && value < count ? value : -1;
}

void check_finite(const FeatureSource& source, const NpyArray& array) {
  for (Index row = 0; row < array.rows; ++row) {
    const auto values = array.row(row);
    const auto bad = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
    require_user(bad == values.end(), Exit::data, "replace it, for example by the column's mean",
                 "{}: row {}, column {}: found {}, expected a finite number", source.file.string(),
                 row, bad - values.begin(), *bad);
  }
}

}  // namespace

std::string_view name(Features::Side side) {
  return side == Features::Side::user ? "user" : "item";
}

FeatureSource parse_feature_source(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view left = text.substr(0, equals);
  const std::size_t at = left.find('@');
  const std::string_view side = at == std::string_view::npos ? "item" : left.substr(at + 1);
  require_user(equals != std::string_view::npos && equals + 1 < text.size() &&
                   is_name(left.substr(0, at)) && (side == "item" || side == "user"),
               Exit::usage, kSourceHint, "found features {}, expected NAME=FILE", quoted(text));
  return {std::string(left.substr(0, at)),
          side == "user" ? Features::Side::user : Features::Side::item,
          std::string(text.substr(equals + 1))};
}

void check_feature_names(const std::vector<FeatureSource>& sources) {
  for (auto s = sources.begin(); s != sources.end(); ++s) {
    require_user(is_name(s->name), Exit::usage, kSourceHint, "found features named {}",
                 quoted(std::string_view(s->name)));
    const auto same =
        std::find_if(sources.begin(), s, [&](const FeatureSource& o) { return o.name == s->name; });
    require_user(same == s, Exit::usage, "give them different names",
                 "found two features named \"{}\": {} and {}", s->name, same->file.string(),
                 s->file.string());
  }
}

FeatureMatrix read_features(const FeatureSource& source, const RawData& data) {
  NpyArray array = read_npy(source.file);
  const auto& names = source.side == Features::Side::user ? data.user_names : data.item_names;
  const auto count = static_cast<Index>(names.size());
  require_user(array.rows == count && array.cols > 0, Exit::data,
               fmt::format("row i holds the features of {} i of the source", name(source.side)),
               "{}: found {} rows and {} columns, expected one row for each of the {} {}s and some "
               "columns",
               source.file.string(), array.rows, array.cols, count, name(source.side));
  check_finite(source, array);
  FeatureMatrix matrix{source.name, source.side, array.rows, array.cols, std::move(array.values)};
  if (data.has_integer_ids) return matrix;

  const std::vector<float> by_token = std::exchange(matrix.values, {});
  for (const std::string& token : names) {
    const Index row = integer_of(token, count);
    require_user(
        row >= 0, Exit::data,
        fmt::format("rename the {}s of the source to the numbers of their rows", name(source.side)),
        "{}: found {} \"{}\" in the source, expected names 0 to {}, the rows of the file",
        source.file.string(), name(source.side), token, count - 1);
    const auto first = by_token.begin() + row * matrix.cols;
    matrix.values.insert(matrix.values.end(), first, first + matrix.cols);
  }
  return matrix;
}

std::string feature_file_name(std::string_view name) { return fmt::format("{}.bin", name); }

std::vector<SectionInfo> write_features(const std::string& path, const FeatureMatrix& matrix) {
  LaneFileWriter writer(path, 0);
  writer.add(std::string(name(matrix.side)), std::span<const float>(matrix.values), matrix.rows,
             matrix.cols);
  return writer.finish();
}

LaneFile open_features(const std::string& path, const Features& expected) {
  const LaneFile file = LaneFile::open(path, true);
  const SectionInfo* s = file.find(name(expected.side));
  require_user(s != nullptr && s->type == ElementType::f32 && s->rows == expected.rows &&
                   s->cols == expected.cols,
               Exit::data, "files of two data sets are mixed up; prepare the data set again",
               "{}: found no section \"{}\" of {} x {} float32", path, name(expected.side),
               expected.rows, expected.cols);
  return file;
}

}  // namespace chorale
