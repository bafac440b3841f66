#include "trainer/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "comm/typed.h"
#include "kernels/check.h"
#include "trainer/checkpoint/durable.h"
#include "trainer/config/config.h"
#include "trainer/version.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string read_whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

bool RunFolder::is_run(const fs::path& path) { return fs::exists(path / "run_state.json"); }

RunFolder::~RunFolder() {
  if (lock_ >= 0) close(lock_);
}

void RunFolder::lock() {
  lock_ = open((path_ / "lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  const bool held = lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  require_user(held, Exit::usage, "wait for it, or give another --out",
               "{}: another training is running in this folder", path_.string());
}

void RunFolder::create(const v1::Config& config, const std::string& command_line) {
  const bool acceptable = !fs::exists(path_) || is_run(path_) || fs::is_empty(path_);
  require_user(acceptable, Exit::usage, "give another --out, or remove the folder",
               "{}: is neither empty nor the folder of a run", path_.string());
  host_.barrier();
  if (writes()) {
    std::error_code error;
    fs::create_directories(path_ / "log", error);
    require_user(!error, Exit::io, "check the path and its permissions", "{}: cannot create: {}",
                 path_.string(), error.message());
    lock();
    replace_file_durably(path_ / "config.pbtxt", to_text(config));
    json provenance = {{"version", kVersion},
                       {"command", command_line},
                       {"ranks", host_.size()},
                       {"precision", sizeof(Real) == 4 ? "float32" : "float64"},
                       {"config_digest", config_digest(config)}};
    replace_file_durably(path_ / "provenance.json", provenance.dump(2) + "\n");
  }
  host_.barrier();
}

void RunFolder::write_state(const RunState& s) {
  if (!writes()) return;
  const json state = {{"state", s.state},         {"step", s.step},
                      {"epoch", s.epoch},         {"restarts", s.restarts},
                      {"exit_code", s.exit_code}, {"checkpoint", s.checkpoint},
                      {"digest", s.digest}};
  replace_file_durably(path_ / "run_state.json", state.dump() + "\n");
}

RunState RunFolder::read_state(const fs::path& run) {
  require_user(is_run(run), Exit::usage, "give the folder that `chorale train --out` wrote",
               "{}: is not the folder of a run (it has no run_state.json)", run.string());
  try {
    const json s = json::parse(read_whole(run / "run_state.json"));
    RunState state;
    state.state = s.value("state", "");
    state.step = s.value("step", Index{0});
    state.epoch = s.value("epoch", Index{0});
    state.restarts = s.value("restarts", 0);
    state.exit_code = s.value("exit_code", 0);
    state.checkpoint = s.value("checkpoint", "");
    state.digest = s.value("digest", "");
    return state;
  } catch (const json::exception& error) {
    throw Error(Exit::data, fmt::format("{}: {}", (run / "run_state.json").string(), error.what()),
                "the file is damaged; the checkpoints under ckpt/ are independent of it");
  }
}

v1::Config RunFolder::read_config(const fs::path& run) {
  read_state(run);
  return load_config(run / "config.pbtxt", {});
}

void RunFolder::record(Index step, Index epoch, const std::string& split, const std::string& name,
                       double value) {
  if (!writes()) return;
  const json line = {
      {"step", step}, {"epoch", epoch}, {"split", split}, {"name", name}, {"value", value}};
  std::ofstream file(path_ / "metrics.jsonl", std::ios::app);
  file << line.dump() << '\n' << std::flush;
  require_user(file.good(), Exit::io, "check free space and permissions", "{}: cannot be written",
               (path_ / "metrics.jsonl").string());
}

void RunFolder::record(Index step, Index epoch, const std::string& split,
                       const Evaluation& evaluation) {
  for (const MetricValue& v : evaluation.values) {
    record(step, epoch, split, fmt::format("{}@{}", name(v.metric), v.k), v.value);
  }
}

void RunFolder::rewind(Index step) {
  if (!writes()) return;
  std::istringstream lines(read_whole(path_ / "metrics.jsonl"));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const json object = json::parse(line, nullptr, false);
    // A line cut short by a crash is of a step that will come again.
    if (object.is_object() && object.value("step", Index{0}) <= step) kept += line + '\n';
  }
  replace_file_durably(path_ / "metrics.jsonl", kept);
}

void RunFolder::write_final(const std::string& text) {
  if (writes()) replace_file_durably(path_ / "final_metrics.json", text);
}

}  // namespace chorale
