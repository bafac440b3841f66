// The folder of a run: who is where in it, and the marker that scripts trust.
//
//   run_state.json      {"state": "running|finished|stopped|failed", "step", "epoch", "restarts",
//                       "exit_code", "checkpoint", "digest"}: a run has succeeded if and only if
//                       it says "finished"
//   config.pbtxt        the resolved configuration
//   provenance.json     version, command, ranks
//   metrics.jsonl       one object a line: {"step", "epoch", "split", "name", "value"}
//   final_metrics.json  values, definitions and how the epoch was chosen
//   log/rank-0000.log   one file a rank
//   ckpt/               trainer/checkpoint
//
// All writing is done by rank 0; every method may be called on every rank.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "configs/schema/config.pb.h"
#include "trainer/evaluate/metrics.h"

namespace chorale {

struct RunState {
  std::string state = "running";
  Index step = 0;
  Index epoch = 0;
  int restarts = 0;
  int exit_code = 0;
  std::string checkpoint;  // name of the last committed one
  std::string digest;      // its digest
};

class RunFolder {
 public:
  RunFolder(std::filesystem::path path, Communicator& host) : path_(std::move(path)), host_(host) {}
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  ~RunFolder();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoints() const { return path_ / "ckpt"; }
  // A folder that a run has started in.
  static bool is_run(const std::filesystem::path& path);
  // Creates what is missing and locks the folder until this object dies. Throws Error (Exit::usage)
  // if the folder exists and is neither empty nor a run, or if another training holds it.
  // Collective.
  void create(const v1::Config& config, const std::string& command_line);

  void write_state(const RunState& state);
  static RunState read_state(
      const std::filesystem::path& run);  // throws Error (Exit::usage) if there is none
  static v1::Config read_config(const std::filesystem::path& run);

  // Appends to metrics.jsonl.
  void record(Index step, Index epoch, const std::string& split, const std::string& name,
              double value);
  void record(Index step, Index epoch, const std::string& split, const Evaluation& evaluation);
  // Drops the lines of steps after `step`, which a restart will write again.
  void rewind(Index step);
  void write_final(const std::string& json);

 private:
  bool writes() const { return host_.rank() == 0; }
  void lock();

  std::filesystem::path path_;
  Communicator& host_;
  int lock_ = -1;  // descriptor of RUN/lock, held by rank 0
};

}  // namespace chorale
