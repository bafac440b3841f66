// ckpt ls, ckpt show: looking at checkpoints without ranks or tables.
#include <fmt/core.h>

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/commands/commands.h"

namespace chorale {

void run_ckpt_list(const CkptCommand& command) {
  for (const CheckpointInfo& info : list_checkpoints(command.path)) {
    fmt::print("{}  step {}  epoch {}  {:.1f} MiB\n", info.name, info.progress.step,
               info.progress.epoch, static_cast<double>(info.bytes) / (1 << 20));
  }
}

void run_ckpt_show(const CkptCommand& command) {
  const std::filesystem::path folder = resolve_checkpoint(command.path);
  const CheckpointInfo info = read_checkpoint_info(folder);
  fmt::print("checkpoint: {}\nstep: {}\nepoch: {}\ndataset: {}\nconfiguration: {}\n",
             folder.string(), info.progress.step, info.progress.epoch, info.dataset_digest,
             info.config_digest);
  for (const CheckpointInfo::TableInfo& t : info.tables) {
    fmt::print("table: {}  {} x {}", t.name, t.rows, t.cols);
    for (const std::string& state : t.state) fmt::print("  + {}", state);
    fmt::print("\n");
  }
  for (const auto& [name, value] : info.progress.numbers) fmt::print("{}: {}\n", name, value);
  if (command.digest) fmt::print("digest: {}\n", verify_checkpoint(folder).hex());
}

}  // namespace chorale
