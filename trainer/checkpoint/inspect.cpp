// What can be known of checkpoints without tables or ranks.
#include <algorithm>
#include <tuple>

#include "kernels/log.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/folder.h"
#include "trainer/checkpoint/manifest.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

bool is_checkpoint(const fs::path& folder) { return fs::exists(folder / "manifest.pb"); }

}  // namespace

CheckpointInfo read_checkpoint_info(const fs::path& checkpoint) {
  const CheckpointManifest m = read_checkpoint_manifest(checkpoint);
  CheckpointInfo info;
  info.folder = checkpoint;
  info.name = fs::absolute(checkpoint / ".").lexically_normal().parent_path().filename().string();
  info.progress = {m.step(), m.epoch(), {}};
  for (const auto& n : m.numbers()) info.progress.numbers[n.name()] = n.value();
  info.dataset_digest = m.dataset_digest();
  info.config_digest = m.config_digest();
  for (const CheckpointBlock& b : m.blocks()) info.bytes += b.bytes();
  for (const auto& t : m.tables()) {
    CheckpointInfo::TableInfo table{t.name(), t.rows(), t.cols(), {}};
    for (int c = 1; c < t.columns_size(); ++c) table.state.push_back(t.columns(c).name());
    info.tables.push_back(std::move(table));
  }
  return info;
}

std::vector<CheckpointInfo> list_checkpoints(const fs::path& run) {
  const fs::path folder = run / "ckpt";
  require_user(fs::is_directory(folder), Exit::checkpoint, "name the folder of a run",
               "{}: there is no folder \"ckpt\"", run.string());
  std::vector<CheckpointInfo> found;
  for (const std::string& name : checkpoint_names(folder)) {
    try {
      found.push_back(read_checkpoint_info(folder / name));
    } catch (const Error& e) {
      log_warning("checkpoint {} is skipped: {}", name, e.what());
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.progress.step, a.name) < std::tie(b.progress.step, b.name);
  });
  return found;
}

fs::path resolve_checkpoint(const fs::path& given) {
  // Without a slash at the end, so that filename() is the checkpoint's name.
  const fs::path normal = given.lexically_normal();
  const fs::path run_or_checkpoint = normal.has_filename() ? normal : normal.parent_path();
  if (is_checkpoint(run_or_checkpoint)) return run_or_checkpoint;
  for (const fs::path& folder : {run_or_checkpoint / "ckpt", run_or_checkpoint}) {
    const auto name = latest_name(folder);
    if (!name) continue;
    require_user(is_checkpoint(folder / *name), Exit::checkpoint,
                 "`chorale ckpt ls` lists the others", "{}: names {}, which is no checkpoint",
                 (folder / "LATEST").string(), *name);
    return folder / *name;
  }
  throw Error(
      Exit::checkpoint,
      fmt::format("{}: found neither a checkpoint nor a run with one", run_or_checkpoint.string()),
      "name a run's folder or one of the folders in its ckpt/");
}

Digest verify_checkpoint(const fs::path& checkpoint) {
  const CheckpointManifest m = read_checkpoint_manifest(checkpoint);
  verify_files(checkpoint, m, 0, 1);
  return digest_of_blocks(m);
}

}  // namespace chorale
