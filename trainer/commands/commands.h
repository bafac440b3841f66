// The subcommands of the program. Options are plain structs filled by main.cpp; each function does
// its work, prints to standard output what the user asked for, and throws Error otherwise.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/patience.h"
#include "graph/io/generators.h"
#include "graph/io/power_law.h"
#include "graph/io/prepare.h"
#include "kernels/check.h"

namespace chorale {

// The ranks of this program and their place on this host.
struct World {
  Communicator& comm;
  int local_ranks;
  Patience& patience;  // with one another
};

struct TrainCommand {
  std::string config;
  std::vector<std::string> assignments;
  std::string resume = "auto";
  std::string out;
  bool dry_run = false;
  std::optional<Index> max_steps;
  std::string command_line;
};

struct QueryCommand {
  std::string run;     // a run's folder or a checkpoint
  std::string data;    // another prepared folder than the run's own
  std::string device;  // another than the run's own: CPU, CUDA
  std::string split = "test";
  std::vector<Index> ks;  // eval: other lengths than the run's
  std::vector<std::string> users;
  Index k = 10;
  bool include_seen = false;
  std::string to;          // export
  std::string user, item;  // explain
  int hops = 3;
};

struct CkptCommand {
  std::string path;
  bool digest = false;
};

// One process.
void run_generate(const PlantedOptions& options, const std::string& out);
void run_power_law(PowerLawOptions options, const std::string& out);
void run_prepare(PrepareOptions options);
void run_inspect(const std::string& folder);
void run_ckpt_list(const CkptCommand& command);
void run_ckpt_show(const CkptCommand& command);

// On all ranks.
Exit run_train(const TrainCommand& command, const World& world);
void run_eval(const QueryCommand& command, const World& world);
void run_recommend(const QueryCommand& command, const World& world);
void run_explain(const QueryCommand& command, const World& world);
void run_export(const QueryCommand& command, const World& world);

// CPU threads of each rank: `asked`, or the host's cores shared among its ranks.
int threads_per_rank(int asked, int local_ranks);

}  // namespace chorale
