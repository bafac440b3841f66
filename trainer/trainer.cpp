#include "trainer/trainer.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "comm/typed.h"
#include "kernels/log.h"

namespace chorale {
namespace {

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

}  // namespace

Trainer::Trainer(const v1::Config& config, Experiment& experiment, TrainerOptions options)
    : config_(config),
      experiment_(experiment),
      options_(std::move(options)),
      folder_(options_.out, experiment.comm().host()),
      checkpoints_(folder_.checkpoints(), experiment.device(), experiment.comm()),
      metric_(parse_metric(config.train().early_stop().metric(), "train.early_stop.metric")) {
  // Without early stopping no length is promised for the watched metric: watch at the first one.
  if (!config.train().has_early_stop()) metric_.k = metric_lengths(config).front();
}

Exit Trainer::run() {
  resume();
  const Index last = total_steps();
  const Index limit = options_.max_steps < 0 ? last : std::min(last, step_ + options_.max_steps);
  bool stop = false;
  while (step_ < limit && !stop && !should_stop_early()) {
    const double start = now();
    const bool requested = options_.stop != nullptr && options_.stop->load();
    epoch_loss_ += experiment_.train(step_, requested, &stop);
    seconds_ += now() - start;
    ++step_;
    ++epoch_steps_;
    if (step_ % experiment_.steps_per_epoch() == 0) finish_epoch();
    const Index every = config_.checkpoint().every_steps();
    if (every > 0 && step_ % every == 0) save(false);
  }
  const bool done = step_ >= last || should_stop_early();
  if (done) evaluate();
  state_.state = done ? "finished" : "stopped";
  state_.exit_code = static_cast<int>(done ? Exit::finished : Exit::stopped);
  save(true);
  if (done) write_final();
  return done ? Exit::finished : Exit::stopped;
}

void Trainer::resume() {
  const bool was_there = RunFolder::is_run(options_.out);
  require_user(!was_there || options_.resume == "auto", Exit::usage,
               "give another --out, or --resume auto to continue that run",
               "{}: a run is already there", options_.out.string());
  if (was_there) state_ = RunFolder::read_state(options_.out);
  folder_.create(config_, options_.command_line);
  add_log_file((options_.out / "log").string(), experiment_.comm().rank());

  std::string from = was_there ? checkpoints_.newest().value_or("") : "";
  CheckpointStore* store = &checkpoints_;
  std::unique_ptr<CheckpointStore> other;
  if (options_.resume != "auto" && options_.resume != "never") {
    const std::filesystem::path path = resolve_checkpoint(options_.resume);
    other = std::make_unique<CheckpointStore>(path.parent_path(), experiment_.device(),
                                              experiment_.comm());
    store = other.get();
    from = path.filename().string();
  }
  if (!from.empty()) {
    const Progress progress = store->restore(
        from, experiment_.tables(), false, experiment_.dataset().digest(), config_digest(config_));
    step_ = progress.step;
    by_validation_.restore(progress.numbers);
    by_test_.restore(progress.numbers);
    const auto number = [&](const char* key) {
      const auto n = progress.numbers.find(key);
      return n == progress.numbers.end() ? 0.0 : n->second;
    };
    epoch_loss_ = number("epoch.loss");
    epoch_steps_ = static_cast<Index>(number("epoch.steps"));
    evaluated_epoch_ = static_cast<Index>(number("evaluated_epoch"));
    log_info("resuming at step {} of {} from {}", step_, total_steps(), from);
  }
  if (was_there) {
    folder_.rewind(step_);
    ++state_.restarts;
  }
  state_.state = "running";
  state_.step = step_;
  folder_.write_state(state_);
}

void Trainer::finish_epoch() {
  const Index epoch = step_ / experiment_.steps_per_epoch();
  const double mean = epoch_loss_ / static_cast<double>(epoch_steps_);
  log_info("epoch {}/{}  loss {:.5f}  {:.2f} s", epoch, config_.train().epochs(), mean, seconds_);
  folder_.record(step_, epoch, "train", "loss", mean);
  epoch_loss_ = seconds_ = 0;
  epoch_steps_ = 0;
  const Index evaluate_every = config_.eval().every_epochs();
  if (evaluate_every > 0 && epoch % evaluate_every == 0) evaluate();
  const Index save_every = config_.checkpoint().every_epochs();
  if (save_every > 0 && epoch % save_every == 0) save(false);
}

void Trainer::evaluate() {
  const Index epoch = step_ / experiment_.steps_per_epoch();
  const bool again = evaluated_epoch_ == epoch;  // after a restart, or at the end
  if (again && last_test_.users > 0) return;
  last_test_ = experiment_.evaluate(Split::test);
  if (again) return;
  evaluated_epoch_ = epoch;
  log_info("epoch {}  test        {}", epoch, summary(last_test_));
  folder_.record(step_, epoch, "test", last_test_);
  by_test_.offer(epoch, last_test_.at(metric_.metric, metric_.k), last_test_);
  if (!has_validation()) return;
  const Evaluation validation = experiment_.evaluate(Split::validation);
  log_info("epoch {}  validation  {}", epoch, summary(validation));
  folder_.record(step_, epoch, "validation", validation);
  if (by_validation_.offer(epoch, validation.at(metric_.metric, metric_.k), last_test_)) {
    Progress progress{step_, epoch, {}};
    checkpoints_.save("best", progress, experiment_.dataset().digest(), config_digest(config_),
                      experiment_.tables(), false);
  }
}

bool Trainer::should_stop_early() const {
  return config_.train().has_early_stop() &&
         watched().short_falls() >= config_.train().early_stop().patience();
}

void Trainer::save(bool force) {
  if (step_ != saved_step_) {
    Progress progress{step_, step_ / experiment_.steps_per_epoch(), {}};
    by_validation_.save(progress.numbers);
    by_test_.save(progress.numbers);
    progress.numbers["epoch.loss"] = epoch_loss_;
    progress.numbers["epoch.steps"] = static_cast<double>(epoch_steps_);
    progress.numbers["evaluated_epoch"] = static_cast<double>(evaluated_epoch_);
    state_.checkpoint = fmt::format("step-{:08d}", step_);
    state_.digest = checkpoints_
                        .save(state_.checkpoint, progress, experiment_.dataset().digest(),
                              config_digest(config_), experiment_.tables(), true)
                        .hex();
    checkpoints_.prune(config_.checkpoint().keep());
    saved_step_ = step_;
  } else if (!force) {
    return;
  }
  state_.step = step_;
  state_.epoch = step_ / experiment_.steps_per_epoch();
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
    return json{{"chosen_by", by},
                {"epoch", best.epoch()},
                {"metric", metric_.text()},
                {"value", best.value()},
                {"test", best.test()}};
  };
  json final = {
      {"users", last_test_.users},
      {"k_max", last_test_.k_max},
      {"definitions", definitions},
      {"last", {{"epoch", step_ / experiment_.steps_per_epoch()}, {"test", by_name(last_test_)}}}};
  if (by_validation_.exists()) final["best_on_validation"] = chosen(by_validation_, "validation");
  if (by_test_.exists()) final["best_on_test"] = chosen(by_test_, "test");
  folder_.write_final(final.dump(2) + "\n");
  log_info("last epoch        test  {}", summary(last_test_));
  const auto report = [&](const char* title, const Best& best) {
    if (!best.exists()) return;
    const auto& t = best.test();
    const std::string k = std::to_string(metric_.k);
    log_info("{}  test  recall@{} {:.5f}  ndcg@{} {:.5f}  (epoch {}, by {} {:.5f})", title, k,
             t.at("recall@" + k), k, t.at("ndcg@" + k), best.epoch(), metric_.text(), best.value());
  };
  report("best on validation", by_validation_);
  report("best on test (selected on the test set)", by_test_);
}

}  // namespace chorale
