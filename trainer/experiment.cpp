#include "trainer/experiment.h"

#include <chrono>
#include <cmath>

#include "comm/checked_communicator.h"
#include "comm/typed.h"
#include "embedding/optimize.h"
#include "kernels/checked_kernels.h"
#include "kernels/decorated_device.h"
#include "trainer/config/config.h"

namespace chorale {
namespace {

// Of the numbers that are kept: 1 where the library multiplies.
constexpr std::string_view kSparseKey = "sparse.";

std::unique_ptr<Sampler> make_sampler(const v1::Config& config, const Dataset& dataset,
                                      const Lanes& lanes) {
  const SamplerOptions options{config.train().batch(), config.train().seed()};
  switch (config.train().sampler()) {
    case v1::Train::USER:
      return make_user_sampler(dataset, lanes, options);
    case v1::Train::EPOCH:
      return make_epoch_sampler(dataset, lanes, options);
    case v1::Train::EDGE:
      break;
  }
  return make_edge_sampler(dataset, lanes, options);
}

// A triple has three rows.
TableMemory table_memory(const v1::Config& config) {
  if (config.run().table_memory() == 0) return {};
  const auto bytes = static_cast<std::size_t>(std::ceil(config.run().table_memory() * (1 << 20)));
  const Index rows = 3 * Index{config.train().batch()} + config.train().shared_negatives();
  return {{.bytes = bytes, .batch_rows = rows}, make_optimizer(config.optimizer())};
}

// Adds the time since the last call to a counter.
class Stopwatch {
 public:
  void lap(double& seconds) {
    const auto now = std::chrono::steady_clock::now();
    seconds += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

Experiment::Experiment(const v1::Config& config, Communicator& world, int threads)
    : Experiment(config, world, make_platform(config, world, threads)) {}

std::unique_ptr<Experiment> Experiment::plan(const v1::Config& config, Communicator& world,
                                             PlanKind kind, int threads) {
  v1::Config plain = config;
  plain.mutable_run()->set_checked(false);  // there is nothing to check, nor to time
  plain.mutable_run()->set_timed(false);
  return std::make_unique<Experiment>(plain, world, plan_platform(world, kind, threads));
}

Experiment::Experiment(const v1::Config& config, Communicator& world, Platform platform)
    : config_(config),
      world_(world),
      platform_(std::move(platform)),
      device_(platform_.device.get()),
      comm_(platform_.comm ? platform_.comm.get() : &world),
      dataset_(Dataset::open(config.data().prepared(), platform_.threads)),
      lanes_(make_lanes(config.run().lanes(), world.size(), world.rank())) {
  if (config_.run().checked()) {
    checked_kernels_ = make_checked_kernels(device_->kernels());
    checked_device_ = std::make_unique<DecoratedDevice>(*device_, *checked_kernels_);
    device_ = checked_device_.get();
    checked_comm_ = make_checked_communicator(*comm_);
    comm_ = checked_comm_.get();
  }
  if (config_.run().timed()) {
    timed_kernels_ = std::make_unique<TimedKernels>(device_->kernels());
    timed_device_ = std::make_unique<DecoratedDevice>(*device_, *timed_kernels_);
    device_ = timed_device_.get();
    timed_comm_ = make_timed_communicator(*comm_);
    comm_ = timed_comm_.get();
  }
  build();
}

Experiment::~Experiment() = default;

void Experiment::build() {
  context_ =
      std::make_unique<ModelContext>(*device_, *comm_, dataset_, lanes_, config_.train().seed(),
                                     platform_.threads, table_memory(config_));
  model_ = make_model(*context_, config_.model());
  note_memory("graph and parameters");
  tape_ = std::make_unique<Tape>(*device_, *comm_, lanes_, config_.train().seed());
  tape_->propagate_in_bf16(config_.model().propagation() == v1::Model::BF16);
  const std::span<Table* const> moved = context_->moved_tables();
  add_part({.name = "",
            .sampler = make_sampler(config_, dataset_, lanes_),
            .loss = [this](Tape& t, const Batch& b) { return model_->loss(t, b); },
            .tables = {moved.begin(), moved.end()},
            .optimizer = config_.optimizer()});
  for (Phase& phase : model_->further_phases(config_)) add_part(std::move(phase));
  for (Part& part : parts_) {
    steps_per_epoch_ += part.phase.sampler->steps_per_epoch();
    part.schedule =
        make_schedule(config_, part.phase.optimizer.rate(), part.phase.sampler->steps_per_epoch());
  }
  if (config_.train().shared_negatives() > 0) {
    shared_negatives_ = std::make_unique<SharedNegatives>(
        dataset_, lanes_, config_.train().shared_negatives(), config_.train().seed());
  }
  note_memory("optimizer state");
  evaluator_ = std::make_unique<Evaluator>(
      *device_, *comm_, dataset_, context_->nodes(),
      EvaluatorOptions{metric_lengths(config_), config_.eval().users_per_block()});
  for (auto& tally : tallies_) tally = std::make_unique<Tally>(*device_);
  batches_ = std::make_unique<BatchStream>([this](Index step, Batch& batch) { draw(step, batch); },
                                           platform_.drawing_threads);
}

void Experiment::add_part(Phase phase) {
  Part part;
  part.optimizer = make_optimizer(phase.optimizer);
  for (Table* table : phase.tables) {
    const std::size_t first =
        table->allocate_state(part.optimizer->state(table->cols()), phase.name);
    part.trained.push_back({table, first});
  }
  part.phase = std::move(phase);
  parts_.push_back(std::move(part));
}

Experiment::Place Experiment::place_of(Index step) {
  const Index epoch = step / steps_per_epoch_;
  Index within = step % steps_per_epoch_;
  for (Part& part : parts_) {
    const Index steps = part.phase.sampler->steps_per_epoch();
    if (within < steps) return {&part, epoch * steps + within};
    within -= steps;
  }
  throw Error(Exit::internal, fmt::format("step {} is in no phase", step), "");
}

void Experiment::save(std::map<std::string, double>& numbers) const {
  if (!platform_.sparse_choices) return;
  for (const auto& [name, by_library] : platform_.sparse_choices->all()) {
    numbers[std::string(kSparseKey) + name] = by_library ? 1 : 0;
  }
}

void Experiment::restore(const std::map<std::string, double>& numbers) {
  if (!platform_.sparse_choices) return;
  for (const auto& [key, value] : numbers) {
    if (!key.starts_with(kSparseKey)) continue;
    platform_.sparse_choices->decide(key.substr(kSparseKey.size()), value != 0);
  }
}

void Experiment::note_memory(const std::string& what) {
  const std::size_t now = device_->bytes_in_use();
  if (now > noted_bytes_) memory_.push_back({what, now - noted_bytes_});
  noted_bytes_ = now;
}

void Experiment::draw(Index step, Batch& batch) {
  const Place place = place_of(step);
  place.part->phase.sampler->draw(place.step, batch);
  const bool recommends = place.part == &parts_.front();
  if (shared_negatives_ && recommends) shared_negatives_->draw(place.step, batch);
}

void Experiment::begin_epoch(Index step) {
  const Index epoch = step / steps_per_epoch_;
  if (epoch == begun_epoch_) return;
  tape_->reset(step, true);
  model_->begin_epoch(*tape_, epoch);
  begun_epoch_ = epoch;
}

Var Experiment::forward(Index step, const Place& place) {
  Stopwatch watch;
  const Batch& batch = batches_->get(step);
  watch.lap(times_.sample);
  tape_->reset(step, true);
  const Var loss = place.part->phase.loss(*tape_, batch);
  watch.lap(times_.forward);
  return loss;
}

void Experiment::begin(Index step, bool stop) {
  require(under_way_.size() < tallies_.size(), "begin: {} steps are under way", under_way_.size());
  const Place place = place_of(step);
  begin_epoch(step);
  device_->begin_step();
  const Var loss = forward(step, place);
  Stopwatch watch;
  tape_->send_totals(loss, *tallies_[static_cast<std::size_t>(step % 2)]);
  tape_->backward(loss);
  watch.lap(times_.backward);
  optimize(*place.part->optimizer, place.part->trained, tape_->arena(), *comm_, device_->kernels(),
           place.part->schedule.rate(place.step), place.step + 1);
  device_->end_step();
  // Otherwise the next step is enqueued while the device is still at this one.
  if (config_.run().timed()) device_->synchronize();
  watch.lap(times_.update);
  under_way_.push_back({step, &place.part->phase.name, stop});
  if ((step + 1) % steps_per_epoch_ == 0) {
    tape_->reset(step, true);
    model_->finish_epoch(*tape_);
  }
}

StepOutcome Experiment::finish() {
  const UnderWay first = under_way_.front();
  under_way_.pop_front();
  Stopwatch watch;
  const Tally::Sums sums = tallies_[static_cast<std::size_t>(first.step % 2)]->receive(
      comm_->host(), lanes_, first.stop ? 1.0 : 0.0);
  watch.lap(times_.wait);
  const std::string& phase = *first.phase;
  require_user(std::isfinite(sums.loss), Exit::non_finite,
               "a lower learning rate or a warm-up usually helps; the last checkpoint is intact",
               "the {}loss of step {} is {}", phase.empty() ? "" : phase + " ", first.step,
               sums.loss);
  const std::string prefix = phase.empty() ? "" : phase + ".";
  StepOutcome outcome{sums.loss, {{prefix + "loss", sums.loss}}, sums.extra > 0};
  for (const auto& term : sums.terms) outcome.terms.push_back({prefix + term.name, term.value});
  return outcome;
}

void Experiment::tables_changed() {
  tape_->reset(0, false);
  model_->tables_changed(*tape_);
  begun_epoch_ = -1;
}

double Experiment::differentiate(Index step) {
  begin_epoch(step);
  const Var loss = forward(step, place_of(step));
  const double value = tape_->total(loss);
  tape_->backward(loss);
  return value;
}

ConstView Experiment::represent() {
  tape_->reset(0, false);
  return model_->represent(*tape_).value();
}

Evaluation Experiment::evaluate(Split split) { return evaluator_->evaluate(represent(), split); }

Evaluation Experiment::evaluate_popularity(Split split) {
  const std::vector<Real> mine = popularity_vectors(dataset_, nodes());
  const Array<Real> vectors(*device_, std::span<const Real>(mine));
  return evaluator_->evaluate(ConstView(vectors.data(), nodes().local_rows(), 1), split);
}

std::string Experiment::timing_report() const {
  if (!timed_kernels_) return "";
  std::string text = "kernels of rank 0:        calls   seconds      GB/s";
  for (const KernelTime& k : timed_kernels_->times()) {
    text += fmt::format("\n  {:20} {:8} {:9.3f} {:9.2f}", k.name, k.calls, k.seconds,
                        k.seconds > 0 ? k.bytes / k.seconds * 1e-9 : 0.0);
  }
  text += "\ncollectives of rank 0:    calls   seconds     bytes sent";
  for (int v = 0; v < kVerbs; ++v) {
    const auto& s = timed_comm_->statistics()[static_cast<Verb>(v)];
    text += fmt::format("\n  {:20} {:8} {:9.3f} {:14}", name(static_cast<Verb>(v)), s.calls,
                        s.seconds, s.bytes_sent);
  }
  return text;
}

std::vector<Real> popularity_vectors(const Dataset& dataset, const Partition& nodes) {
  std::vector<Real> vectors;
  for (Index row = nodes.first(); row < nodes.last(); ++row) {
    const Index node = dataset.node_of_row(row);
    Real value = dataset.is_user(node) ? Real{1} : Real{0};
    if (dataset.is_item(node))
      value = static_cast<Real>(dataset.users_of(node - dataset.users()).size());
    vectors.push_back(value);
  }
  return vectors;
}

namespace {

// A whole column of a table, of which this rank holds a contiguous part, or all of it.
std::vector<Real> whole(Communicator& comm, const Table& table, std::size_t column) {
  std::vector<Real> mine(static_cast<std::size_t>(table.local_rows() * table.width(column)));
  table.read(column, 0, table.local_rows(), mine.data());
  if (table.layout() == Layout::replicated) return mine;
  return gather_all<Real>(comm.host(), mine);
}

}  // namespace

Digest digest_of_tables(Communicator& comm, std::span<Table* const> tables) {
  std::string digests;
  for (const Table* table : tables) {
    for (std::size_t c = 0; c <= table->state_columns().size(); ++c) {
      const std::vector<Real> numbers = whole(comm, *table, c);
      digests += c == 0 ? table->name() : table->state_columns()[c - 1].name;
      digests += digest_of(std::as_bytes(std::span(numbers))).hex();
    }
  }
  return digest_of(digests);
}

}  // namespace chorale
