// Checkpoints: one lane file per lane (values and optimizer state of every embedding table), one
// file for replicated weights, and a protobuf manifest with an XXH3-128 digest per block.
//
// Commit protocol: write everything into NAME.tmp, fsync; gather digests; rank 0 writes the
// manifest, fsyncs it and the folder, renames NAME.tmp to NAME, fsyncs the parent, then switches
// LATEST the same way. A crash at any point leaves the previous checkpoint valid. Rows are stored
// in row order with their lane's range, so any rank count and any number of lanes can restore.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "embedding/table.h"
#include "graph/io/lane_file.h"

namespace chorale {

// What a run must remember besides its tables.
struct Progress {
  Index step = 0;   // steps done
  Index epoch = 0;  // epochs done
  std::map<std::string, double>
      numbers;  // early stopping, sums of the epoch under way; exact doubles
};

struct CheckpointInfo {
  std::string name;  // "step-00001200" or "best"
  std::filesystem::path folder;
  Progress progress;
  std::string dataset_digest;
  std::string config_digest;  // of what must not change between save and restore
  Index bytes = 0;
  struct TableInfo {
    std::string name;
    Index rows, cols;
    std::vector<std::string> state;
  };
  std::vector<TableInfo> tables;
};

class CheckpointStore {
 public:
  // `folder` is RUN/ckpt; it is created on the first save.
  CheckpointStore(std::filesystem::path folder, Communicator& comm);

  // Commits a checkpoint under this name and, with `latest`, points LATEST at it. A value that is
  // not finite is an Error (Exit::non_finite) and nothing is committed; a full disk an Error
  // (Exit::io), likewise. Returns the digest. Collective: all ranks throw or none.
  Digest save(const std::string& name, const Progress& progress, const std::string& dataset_digest,
              const std::string& config_digest, std::span<Table* const> tables, bool latest);

  // Removes the oldest "step-*" checkpoints but the newest `keep`. Never the one LATEST names.
  // Collective.
  void prune(Index keep);

  // The newest valid checkpoint: LATEST if it verifies, else the newest "step-*" that does; what
  // was skipped and why is logged. nullopt if there is none. The same answer on all ranks.
  // Collective.
  std::optional<std::string> newest();

  // Reads values and, unless `values_only`, optimizer state. Throws Error (Exit::checkpoint) if the
  // checkpoint is damaged or does not match the tables (names in order, shapes, precision) or the
  // digests, naming both sides; the tables are then as they were. An empty digest is not compared.
  // Collective: all or none throw.
  Progress restore(const std::string& name, std::span<Table* const> tables, bool values_only,
                   const std::string& dataset_digest, const std::string& config_digest);

  // The values of one table of a checkpoint, the first one if `from` is empty, into a table of the
  // same shape; returns its name. Throws as `restore` does. Collective.
  std::string take_table(const std::string& name, const std::string& from, Table& into,
                         const std::string& dataset_digest);

 private:
  std::filesystem::path folder_;
  Communicator& comm_;
};

// Without tables or ranks, for `chorale ckpt`: the manifest of one checkpoint folder, all
// checkpoints of a run, and the digest, which verifies every block on the way. Throw Error
// (Exit::checkpoint).
CheckpointInfo read_checkpoint_info(const std::filesystem::path& checkpoint);
std::vector<CheckpointInfo> list_checkpoints(const std::filesystem::path& run);
// RUN (its LATEST) or a checkpoint folder. The digest is over (table, column, lane) in that order.
std::filesystem::path resolve_checkpoint(const std::filesystem::path& run_or_checkpoint);
Digest verify_checkpoint(const std::filesystem::path& checkpoint);

}  // namespace chorale
