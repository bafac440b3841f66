// Names in RUN/ckpt: what is a checkpoint, what a killed save left, what is the latest.
#include "trainer/checkpoint/folder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "graph/io/file.h"
#include "kernels/check.h"
#include "trainer/checkpoint/durable.h"
#include "trainer/checkpoint/manifest.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLatest = "LATEST";
constexpr std::string_view kStep = "step-";

// The number of "step-00001200"; nullopt of other names.
std::optional<Index> step_of(std::string_view name) {
  if (!name.starts_with(kStep)) return std::nullopt;
  const std::string_view digits = name.substr(kStep.size());
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  Index number = 0;
  for (const char c : digits) {
    if (c < '0' || '9' < c) return std::nullopt;
    number = 10 * number + (c - '0');
  }
  return number;
}

}  // namespace

bool is_checkpoint_name(const std::string& name) {
  return is_safe_name(name) && name != kLatest && !name.ends_with(".tmp") &&
         !name.ends_with(".old");
}

std::optional<std::string> latest_name(const fs::path& folder) {
  const fs::path path = folder / kLatest;
  if (!fs::exists(path)) return std::nullopt;
  std::string name(MappedFile::open(path, Exit::checkpoint).text());
  if (name.ends_with('\n')) name.pop_back();
  require_user(is_checkpoint_name(name), Exit::checkpoint,
               "write the name of one folder beside it into it",
               "{}: does not hold a checkpoint's name", path.string());
  return name;
}

void set_latest(const fs::path& folder, const std::string& name) {
  replace_file_durably(folder / kLatest, name + "\n");
}

std::vector<std::string> checkpoint_names(const fs::path& folder) {
  std::vector<std::string> names;
  if (!fs::is_directory(folder)) return names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && is_checkpoint_name(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> step_names(const fs::path& folder) {
  std::vector<std::pair<Index, std::string>> steps;
  for (const std::string& name : checkpoint_names(folder)) {
    if (const auto step = step_of(name)) steps.emplace_back(*step, name);
  }
  std::sort(steps.begin(), steps.end());
  std::vector<std::string> names;
  for (auto& [step, name] : steps) names.push_back(std::move(name));
  return names;
}

void remove_unfinished(const fs::path& folder) {
  std::vector<fs::path> unfinished;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    const bool is_ours =
        entry.is_directory() ? is_checkpoint_name(path.stem().string()) : path.stem() == kLatest;
    if (path.extension() == ".tmp" && is_ours) unfinished.push_back(path);
  }
  for (const fs::path& path : unfinished) fs::remove_all(path);
}

}  // namespace chorale
