// One training run in memory, on any number of ranks: device, data, model, tables, tape, sampler,
// optimizer. The order of members is the order of construction; what is later uses what is earlier.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/timed_communicator.h"
#include "configs/schema/config.pb.h"
#include "embedding/optimize.h"
#include "embedding/optimizer.h"
#include "embedding/schedule.h"
#include "graph/io/dataset.h"
#include "graph/io/lane_file.h"
#include "kernels/device.h"
#include "kernels/plan_device.h"
#include "kernels/timed_kernels.h"
#include "trainer/autodiff/tape.h"
#include "trainer/data/batch_stream.h"
#include "trainer/data/sampler.h"
#include "trainer/data/shared_negatives.h"
#include "trainer/evaluate/evaluator.h"
#include "trainer/model.h"
#include "trainer/platform.h"

namespace chorale {

// Seconds of this rank's host in the parts of its steps; `wait`: for a step to be done.
struct StepTimes {
  double sample = 0, forward = 0, backward = 0, update = 0, wait = 0;
};

// What a step of training came to.
struct StepOutcome {
  double loss = 0;
  // "loss" and the terms that the model named, with the phase before the names if it has one:
  // "transr.loss".
  struct Term {
    std::string name;
    double value;
  };
  std::vector<Term> terms;
  bool stop = false;  // whether any rank asked to stop, the same on all ranks
};

class Experiment {
 public:
  // `threads`: CPU threads of this rank. Collective.
  Experiment(const v1::Config& config, Communicator& world, int threads);
  // On this platform, whatever the configuration says. Collective.
  Experiment(const v1::Config& config, Communicator& world, Platform platform);
  // Plans only: no memory stands behind it (kernels/plan_device.h).
  static std::unique_ptr<Experiment> plan(const v1::Config& config, Communicator& world,
                                          PlanKind kind, int threads = 1);
  ~Experiment();

  // Enqueues a step of training, of the phase that the step's place in its epoch says, behind at
  // most one that is under way. `stop` asks all ranks to stop. Collective.
  void begin(Index step, bool stop);
  // The outcome of the first step under way. Throws Error (Exit::non_finite) if its loss is not
  // finite. Collective.
  StepOutcome finish();
  int under_way() const { return static_cast<int>(under_way_.size()); }
  // Both; returns the loss. Collective.
  double train(Index step) {
    begin(step, false);
    return finish().loss;
  }
  // To be called when tables were given new values from outside (restored). Collective.
  void tables_changed();
  // Loss and gradients of one step, without the update: for tests of gradients. Collective.
  double differentiate(Index step);

  // What must be kept beside the tables for a continued run to leave the same bits: which sparse
  // products were found to be faster (run.sparse: MEASURED). By names of their own.
  void save(std::map<std::string, double>& numbers) const;
  void restore(const std::map<std::string, double>& numbers);

  // The vectors that score; valid until the next call of this or `train`. Collective.
  ConstView represent();
  Evaluation evaluate(Split split);
  // Metrics of recommending the most popular items to everybody. Collective.
  Evaluation evaluate_popularity(Split split);

  Index steps_per_epoch() const { return steps_per_epoch_; }  // of all phases
  std::span<Table* const> tables() const { return context_->tables(); }
  const Dataset& dataset() const { return dataset_; }
  const Partition& nodes() const { return context_->nodes(); }
  ModelContext& context() { return *context_; }
  const Model& model() const { return *model_; }
  Tape& tape() { return *tape_; }
  Evaluator& evaluator() { return *evaluator_; }
  Device& device() { return *device_; }
  Communicator& comm() { return *comm_; }
  const StepTimes& times() const { return times_; }
  // The report of run.timed; empty if it was not asked for.
  std::string timing_report() const;

  // Bytes of this rank's device memory by what they are for, in the order they were allocated.
  struct MemoryLine {
    std::string what;
    std::size_t bytes;
  };
  const std::vector<MemoryLine>& memory() const { return memory_; }
  void note_memory(const std::string& what);

 private:
  // A phase at work.
  struct Part {
    Phase phase;
    std::unique_ptr<Optimizer> optimizer;
    std::vector<Trained> trained;
    Schedule schedule;
  };
  // Which part a step belongs to, and its number among that part's steps.
  struct Place {
    Part* part;
    Index step;
  };

  void build();
  void add_part(Phase phase);
  Place place_of(Index step);
  void draw(Index step, Batch& batch);
  void begin_epoch(Index step);  // of the step, if that has not been done
  // The loss of the step, on the tape.
  Var forward(Index step, const Place& place);

  v1::Config config_;
  Communicator& world_;
  Platform platform_;
  std::unique_ptr<Kernels> checked_kernels_;
  std::unique_ptr<Device> checked_device_;
  std::unique_ptr<TimedKernels> timed_kernels_;
  std::unique_ptr<Device> timed_device_;
  Device* device_;
  std::unique_ptr<Communicator> checked_comm_;
  std::unique_ptr<TimedCommunicator> timed_comm_;
  Communicator* comm_;
  Dataset dataset_;
  Lanes lanes_;
  std::unique_ptr<ModelContext> context_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Tape> tape_;
  std::vector<Part> parts_;
  Index steps_per_epoch_ = 0;
  Index begun_epoch_ = -1;
  std::unique_ptr<Evaluator> evaluator_;
  std::unique_ptr<SharedNegatives> shared_negatives_;
  struct UnderWay {
    Index step;
    const std::string* phase;  // its name
    bool stop;
  };
  std::deque<UnderWay> under_way_;
  std::array<std::unique_ptr<Tally>, 2> tallies_;  // of even and of odd steps
  StepTimes times_;
  std::vector<MemoryLine> memory_;
  std::size_t noted_bytes_ = 0;
  std::unique_ptr<BatchStream> batches_;  // last, as it draws from what stands above
};

// XXH3-128 over the values and the optimizer state of all tables, whole tables in row order: the
// same for any number of ranks. Collective.
Digest digest_of_tables(Communicator& comm, std::span<Table* const> tables);

// This rank's vectors of the popularity baseline, (local rows, 1): users 1, items their training
// degree, other entities 0.
std::vector<Real> popularity_vectors(const Dataset& dataset, const Partition& nodes);

}  // namespace chorale
