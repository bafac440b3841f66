#include "trainer/trainer.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "comm/typed.h"
#include "kernels/log.h"
#include "trainer/checkpoint/together.h"

namespace chorale {
namespace {

// Of Progress::numbers: sums and counts of the loss terms of the epoch under way.
constexpr std::string_view kSumKey = "epoch.sum.";
constexpr std::string_view kStepsKey = "epoch.steps.";

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string summary(const Evaluation& e) {
  std::string text;
  for (const MetricValue& v : e.values) {
    if (v.metric == Metric::recall || v.metric == Metric::ndcg || v.metric == Metric::ndcg_quirk) {
      text += fmt::format("{}{}@{} {:.5f}", text.empty() ? "" : "  ", name(v.metric), v.k, v.value);
    }
  }
  return text;
}

// Throws Error (Exit::checkpoint) naming the fields in which the configuration differs from that of
// the run that RUN/ckpt/NAME belongs to. Without the run's file, restoring says that it differs.
void require_same_fields(const std::filesystem::path& checkpoint, const v1::Config& config) {
  const std::filesystem::path saved =
      std::filesystem::absolute(checkpoint).parent_path().parent_path() / "config.pbtxt";
  if (read_checkpoint_info(checkpoint).config_digest == config_digest(config) ||
      !std::filesystem::exists(saved)) {
    return;
  }
  const std::vector<std::string> differences = config_differences(load_config(saved, {}), config);
  require_user(
      differences.empty(), Exit::checkpoint,
      "continue with the values of the run, or start anew in another --out without --resume; "
      "train.init_from begins with the embeddings of a run",
      "{}: was saved with another configuration: {}", checkpoint.string(),
      fmt::join(differences, "; "));
}

}  // namespace

Trainer::Trainer(const v1::Config& config, Experiment& experiment, TrainerOptions options)
    : config_(config),
      experiment_(experiment),
      options_(std::move(options)),
      folder_(options_.out, experiment.comm().host()),
      checkpoints_(folder_.checkpoints(), experiment.comm()),
      by_validation_("validation", watched_metrics(config, config.run_name())),
      by_test_("test", watched_metrics(config, config.run_name())) {
  require_user(!config.train().has_early_stop() || has(Split::validation) || has(Split::test),
               Exit::usage, "prepare the data with --valid 0.1, or remove train.early_stop",
               "train.early_stop: the data set has neither validation nor test interactions");
}

Exit Trainer::run() {
  resume();
  try {
    return train();
  } catch (const Error& error) {
    state_.state = "failed";
    state_.exit_code = static_cast<int>(error.code());
    folder_.write_state(state_);
    throw;
  }
}

Exit Trainer::train() {
  const Index left = total_steps() - step_;
  const bool limited = options_.max_steps >= 0 && options_.max_steps < left;
  const Index limit = limited ? step_ + options_.max_steps : total_steps();
  bool stop = false;
  while (step_ < limit && !stop && !should_stop_early()) {
    const double start = now();
    const bool requested = options_.stop != nullptr && options_.stop->load();
    experiment_.begin(step_, requested);
    ++step_;
    const bool ends_epoch = step_ % experiment_.steps_per_epoch() == 0;
    const Index every = config_.checkpoint().every_steps();
    const bool saves = every > 0 && step_ % every == 0;
    // What a step came to is learned while the next one is under way, but for the last before a
    // stay.
    const bool stays = ends_epoch || saves || step_ == limit;
    while (experiment_.under_way() > (stays || stop ? 0 : 1)) stop = finish_step() || stop;
    seconds_ += now() - start;
    if (ends_epoch) finish_epoch();
    if (saves) save();
  }
  const bool done = step_ >= total_steps() || should_stop_early();
  if (done) evaluate();
  save();
  if (done) write_final();  // before the state says "finished"
  const Exit exit = done ? Exit::finished : Exit::stopped;
  state_.state = done ? "finished" : "stopped";
  state_.exit_code = static_cast<int>(exit);
  folder_.write_state(state_);
  return exit;
}

bool Trainer::finish_step() {
  const StepOutcome outcome = experiment_.finish();
  for (const StepOutcome::Term& term : outcome.terms) {
    Mean& mean = epoch_terms_[term.name];
    mean.sum += term.value;
    mean.steps += 1;
  }
  return outcome.stop;
}

std::filesystem::path Trainer::find_checkpoint(bool continues) {
  if (continues) {
    const std::optional<std::string> newest = checkpoints_.newest();
    if (newest) return folder_.checkpoints() / *newest;
    require_user(
        state_.checkpoint.empty(), Exit::checkpoint,
        "give another --out to start anew; the log says what is wrong with each checkpoint",
        "{}: the run had {}, but no checkpoint there is valid", options_.out.string(),
        state_.checkpoint);
    return {};
  }
  if (options_.resume == "auto" || options_.resume == "never") return {};
  return resolve_checkpoint(options_.resume);
}

void Trainer::resume() {
  // Rank 0 looks; on a network file system another rank might not see yet what it sees.
  Communicator& host = experiment_.comm().host();
  const bool here = host.rank() == 0 && RunFolder::is_run(options_.out);
  const bool continues = broadcast_string(host, here ? "run" : "") == "run";
  require_user(!continues || options_.resume != "never", Exit::usage,
               "give another --out, or --resume auto to continue that run",
               "{}: a run is already there", options_.out.string());
  if (continues) state_ = RunFolder::read_state(options_.out);
  const std::filesystem::path checkpoint = find_checkpoint(continues);
  if (!checkpoint.empty()) {
    restore(checkpoint);
    require_user(step_ <= total_steps(), Exit::usage,
                 "a run that is continued needs at least as many epochs as it has done",
                 "train.epochs: found {}, but {} is at step {} of epoch {}",
                 config_.train().epochs(), checkpoint.string(), step_, epoch());
  } else if (config_.train().has_init_from()) {
    take_embeddings();
  }
  experiment_.tables_changed();

  folder_.create(config_, options_.command_line);
  add_log_file((options_.out / "log").string(), host.rank());
  if (!checkpoint.empty()) {
    log_info("resuming at step {} of {} from {}", step_, total_steps(),
             checkpoint.filename().string());
  }
  if (continues) {
    folder_.rewind(step_);
    ++state_.restarts;
  }
  state_.state = "running";
  state_.exit_code = 0;
  state_.step = step_;
  folder_.write_state(state_);
}

void Trainer::restore(const std::filesystem::path& checkpoint) {
  together(experiment_.comm().host(), [&] { require_same_fields(checkpoint, config_); });
  CheckpointStore store(checkpoint.parent_path(), experiment_.comm());
  const Progress progress =
      store.restore(checkpoint.filename().string(), experiment_.tables(), false,
                    experiment_.dataset().digest(), config_digest(config_));
  step_ = progress.step;
  by_validation_.restore(progress.numbers);
  by_test_.restore(progress.numbers);
  experiment_.restore(progress.numbers);
  const auto number = [&](const char* key, double otherwise) {
    const auto n = progress.numbers.find(key);
    return n == progress.numbers.end() ? otherwise : n->second;
  };
  for (const auto& [key, value] : progress.numbers) {
    if (key.starts_with(kSumKey)) epoch_terms_[key.substr(kSumKey.size())].sum = value;
    if (key.starts_with(kStepsKey)) epoch_terms_[key.substr(kStepsKey.size())].steps = value;
  }
  evaluated_epoch_ = static_cast<Index>(number("evaluated_epoch", -1));
}

void Trainer::take_embeddings() {
  const v1::InitFrom& from = config_.train().init_from();
  const std::filesystem::path checkpoint = resolve_checkpoint(from.run());
  Table* into = nullptr;
  std::string known;
  for (Table* table : experiment_.tables()) {
    if (into == nullptr && (from.into().empty() || from.into() == table->name())) into = table;
    known += " " + table->name();
  }
  require_user(into != nullptr, Exit::usage, "name one of these, or leave it out",
               "train.init_from.into: found \"{}\", this model has{}", from.into(), known);
  CheckpointStore store(checkpoint.parent_path(), experiment_.comm());
  const std::string table = store.take_table(checkpoint.filename().string(), from.table(), *into,
                                             experiment_.dataset().digest());
  log_info("{} begins with {} of {}", into->name(), table, checkpoint.string());
}

void Trainer::finish_epoch() {
  std::string terms;
  for (const auto& [term, mean] : epoch_terms_) {
    terms += fmt::format("{} {:.5f}  ", term, mean.sum / mean.steps);
    folder_.record(step_, epoch(), "train", term, mean.sum / mean.steps);
  }
  log_info("epoch {}/{}  {}{:.3f} s", epoch(), config_.train().epochs(), terms, seconds_);
  epoch_terms_.clear();
  seconds_ = 0;
  // Evaluated before it is saved: the checkpoint of a step then knows all that was recorded at it.
  const Index evaluate_every = config_.eval().every_epochs();
  if (step_ >= total_steps() || (evaluate_every > 0 && epoch() % evaluate_every == 0)) evaluate();
  const Index save_every = config_.checkpoint().every_epochs();
  if (save_every > 0 && epoch() % save_every == 0) save();
}

void Trainer::evaluate() {
  const bool again = evaluated_epoch_ == epoch();  // at the end, perhaps after a restart
  if (has(Split::test) && (!again || last_test_.users == 0))
    last_test_ = experiment_.evaluate(Split::test);
  if (again) return;
  evaluated_epoch_ = epoch();
  if (has(Split::test)) {
    log_info("epoch {}  test        {}", epoch(), summary(last_test_));
    folder_.record(step_, epoch(), "test", last_test_);
    by_test_.offer(epoch(), last_test_, last_test_);
  }
  if (!has(Split::validation)) return;
  const Evaluation validation = experiment_.evaluate(Split::validation);
  log_info("epoch {}  validation  {}", epoch(), summary(validation));
  folder_.record(step_, epoch(), "validation", validation);
  if (by_validation_.offer(epoch(), validation, last_test_)) {
    checkpoints_.save("best", progress(), experiment_.dataset().digest(), config_digest(config_),
                      experiment_.tables(), false);
  }
}

bool Trainer::should_stop_early() const {
  return config_.train().has_early_stop() &&
         watched().short_falls() >= config_.train().early_stop().patience();
}

Progress Trainer::progress() const {
  Progress progress{step_, epoch(), {}};
  by_validation_.save(progress.numbers);
  by_test_.save(progress.numbers);
  experiment_.save(progress.numbers);
  for (const auto& [term, mean] : epoch_terms_) {
    progress.numbers[std::string(kSumKey) + term] = mean.sum;
    progress.numbers[std::string(kStepsKey) + term] = mean.steps;
  }
  progress.numbers["evaluated_epoch"] = static_cast<double>(evaluated_epoch_);
  return progress;
}

void Trainer::save() {
  if (step_ == saved_step_) return;
  const std::string name = fmt::format("step-{:08d}", step_);
  state_.digest = checkpoints_
                      .save(name, progress(), experiment_.dataset().digest(),
                            config_digest(config_), experiment_.tables(), true)
                      .hex();
  state_.checkpoint = name;  // it is there
  checkpoints_.prune(config_.checkpoint().keep());
  saved_step_ = step_;
  state_.step = step_;
  state_.epoch = epoch();
  folder_.write_state(state_);
}

void Trainer::write_final() {
  using nlohmann::json;
  json definitions = json::object();
  for (int m = 0; m < kMetrics; ++m) {
    definitions[std::string(name(static_cast<Metric>(m)))] =
        std::string(definition(static_cast<Metric>(m)));
  }
  const auto chosen = [&](const Best& best, const char* by) {
    json watched = json::object();
    for (const Best::Peak& peak : best.peaks()) {
      watched[peak.metric.text()] = {{"epoch", peak.epoch}, {"value", peak.value}};
    }
    return json{{"chosen_by", by},
                {"epoch", best.epoch()},
                {"metric", best.decisive().metric.text()},
                {"value", best.decisive().value},
                {"watched", watched},
                {"test", best.test()}};
  };
  json final = {{"users", last_test_.users},
                {"k_max", last_test_.k_max},
                {"definitions", definitions},
                {"last", {{"epoch", epoch()}, {"test", by_name(last_test_)}}}};
  if (by_validation_.exists()) final["best_on_validation"] = chosen(by_validation_, "validation");
  if (by_test_.exists()) final["best_on_test"] = chosen(by_test_, "test");
  folder_.write_final(final.dump(2) + "\n");
  if (has(Split::test)) log_info("last epoch: test {}", summary(last_test_));
  const auto report = [&](const char* title, const Best& best) {
    if (!best.exists()) return;
    const Best::Peak& peak = best.decisive();
    std::string test;  // an earlier part of the run may have measured other lengths than this one
    for (const char* metric : {"recall", "ndcg"}) {
      const auto value = best.test().find(fmt::format("{}@{}", metric, peak.metric.k));
      if (value != best.test().end())
        test += fmt::format("  {} {:.5f}", value->first, value->second);
    }
    log_info("{}: epoch {}, {} {:.5f}; test{}", title, best.epoch(), peak.metric.text(), peak.value,
             test);
  };
  report("best on validation", by_validation_);
  report("best on test (selected on the test set)", by_test_);
}

}  // namespace chorale
