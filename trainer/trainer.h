// The training loop around an Experiment: epochs, evaluation, early stopping, checkpoints, restart,
// stopping on request. Everything it decides is decided from values that are the same on all ranks.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <string>

#include "kernels/check.h"
#include "trainer/best.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"
#include "trainer/experiment.h"
#include "trainer/run_folder.h"

namespace chorale {

struct TrainerOptions {
  std::filesystem::path out = {};  // the run's folder
  std::string resume = "auto";     // auto, never, or the path of a run or checkpoint to start from
  Index max_steps = -1;            // stop after so many steps in this call; -1: no limit
  std::string command_line = {};
  // Set by a signal handler; looked at after every step.
  const std::atomic<bool>* stop = nullptr;
};

class Trainer {
 public:
  // Throws Error (Exit::usage) if early stopping is asked for without a split to watch.
  Trainer(const v1::Config& config, Experiment& experiment, TrainerOptions options);

  // Trains to the end, to a stop on request or to the step limit; a checkpoint is committed in each
  // case. Returns Exit::finished or Exit::stopped; what it throws is left in run_state.json as
  // "failed". Collective.
  Exit run();

 private:
  void resume();
  // Which checkpoint to start from; empty for a fresh start. Nothing is written before it was
  // restored.
  std::filesystem::path find_checkpoint(bool continues);
  void restore(const std::filesystem::path& checkpoint);
  // train.init_from
  void take_embeddings();
  Exit train();
  bool finish_step();  // of those under way; whether to stop
  void finish_epoch();
  void evaluate();
  bool should_stop_early() const;
  Progress progress() const;
  void save();
  void write_final();

  Index total_steps() const { return experiment_.steps_per_epoch() * config_.train().epochs(); }
  Index epoch() const { return step_ / experiment_.steps_per_epoch(); }
  bool has(Split split) const { return experiment_.dataset().interactions(split) > 0; }
  const Best& watched() const { return has(Split::validation) ? by_validation_ : by_test_; }

  v1::Config config_;
  Experiment& experiment_;
  TrainerOptions options_;
  RunFolder folder_;
  CheckpointStore checkpoints_;
  Best by_validation_;
  Best by_test_;
  RunState state_;
  Index step_ = 0;
  Index saved_step_ = -1;
  Index evaluated_epoch_ = -1;
  Evaluation last_test_;
  struct Mean {
    double sum = 0;
    double steps = 0;
  };
  std::map<std::string, Mean> epoch_terms_;  // of the loss, over the steps of the epoch under way
  double seconds_ = 0;                       // of training since the last epoch's end
};

}  // namespace chorale
