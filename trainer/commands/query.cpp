// eval, recommend, explain, export: what a trained run is asked.
#include <fmt/core.h>

#include "comm/typed.h"
#include "kernels/log.h"
#include "trainer/commands/commands.h"
#include "trainer/explain/paths.h"
#include "trainer/export/export.h"
#include "trainer/trainer.h"

namespace chorale {
namespace {

void require_length(Index k) {
  require_user(1 <= k && k <= 1'000'000, Exit::usage, "give lengths from 1 to a million",
               "-k: found {}", k);
}

// A run brought back to life at a checkpoint, ready to answer.
struct Revived {
  std::filesystem::path checkpoint;
  std::unique_ptr<Experiment> experiment;
  ConstView vectors;
  std::string model;
};

// The configuration of the run that a checkpoint folder belongs to: RUN/ckpt/NAME.
std::filesystem::path run_of(const std::filesystem::path& checkpoint) {
  return std::filesystem::absolute(checkpoint).parent_path().parent_path();
}

v1::Config::Device device_of(const std::string& text) {
  v1::Config::Device device = v1::Config::CPU;
  require_user(v1::Config::Device_Parse(text, &device), Exit::usage,
               "use --device CPU or --device CUDA", "--device: found \"{}\"", text);
  return device;
}

Revived revive(const QueryCommand& command, const World& world) {
  Revived r;
  r.checkpoint = resolve_checkpoint(command.run);
  v1::Config config = RunFolder::read_config(run_of(r.checkpoint));
  if (!command.data.empty()) config.mutable_data()->set_prepared(command.data);
  if (!command.device.empty()) config.set_device(device_of(command.device));
  if (!command.ks.empty()) {
    config.mutable_eval()->clear_k();
    for (const Index k : command.ks) {
      require_length(k);
      config.mutable_eval()->add_k(static_cast<int>(k));
    }
    config.mutable_train()->clear_early_stop();
  }
  r.model = model_name(config.model());
  r.experiment = std::make_unique<Experiment>(
      config, world.comm, threads_per_rank(config.run().threads(), world.local_ranks));
  CheckpointStore store(r.checkpoint.parent_path(), world.comm);
  const Progress progress =
      store.restore(r.checkpoint.filename().string(), r.experiment->tables(), true,
                    r.experiment->dataset().digest(), config_digest(config));
  r.experiment->restore(progress.numbers);
  r.experiment->tables_changed();
  r.vectors = r.experiment->represent();
  return r;
}

// `kind` is "user" or "item", which also names the list of ids.
Index known_id(const Dataset& data, const char* kind, const std::string& raw,
               std::optional<Index> found, const std::string& example) {
  require_user(found.has_value(), Exit::usage,
               fmt::format("ids are listed in {}, for example {}",
                           (data.folder() / fmt::format("{}s.tsv", kind)).string(), example),
               "there is no {} \"{}\"", kind, raw);
  return *found;
}

Index user_of(const Dataset& data, const std::string& raw) {
  return known_id(data, "user", raw, data.find_user(raw), data.user_name(0));
}

Index item_of(const Dataset& data, const std::string& raw) {
  return known_id(data, "item", raw, data.find_item(raw), data.item_name(0));
}

Split split_of(const std::string& text) {
  if (text == "test") return Split::test;
  require_user(text == "validation", Exit::usage, "use --split test or --split validation",
               "--split: found \"{}\"", text);
  return Split::validation;
}

}  // namespace

void run_eval(const QueryCommand& command, const World& world) {
  const Split split = split_of(command.split);
  Revived r = revive(command, world);
  const Evaluation e = r.experiment->evaluator().evaluate(r.vectors, split);
  const Evaluation popular = r.experiment->evaluate_popularity(split);
  if (world.comm.rank() != 0) return;
  fmt::print("{} at {}, {} split, {} users, Kmax {}\n", r.model, r.checkpoint.filename().string(),
             command.split, e.users, e.k_max);
  fmt::print("{:16} {:>12} {:>12}\n", "metric", r.model, "popularity");
  for (std::size_t i = 0; i < e.values.size(); ++i) {
    const MetricValue& v = e.values[i];
    fmt::print("{:16} {:12.6f} {:12.6f}\n", fmt::format("{}@{}", name(v.metric), v.k), v.value,
               popular.values[i].value);
  }
}

void run_recommend(const QueryCommand& command, const World& world) {
  require_length(command.k);
  Revived r = revive(command, world);
  const Dataset& data = r.experiment->dataset();
  std::vector<Index> users;
  for (const std::string& raw : command.users) users.push_back(user_of(data, raw));
  const auto lists =
      r.experiment->evaluator().recommend(r.vectors, users, command.k, !command.include_seen);
  if (world.comm.rank() != 0) return;
  fmt::print("user\trank\titem\tscore\n");
  for (std::size_t i = 0; i < users.size(); ++i) {
    for (std::size_t rank = 0; rank < lists[i].size(); ++rank) {
      fmt::print("{}\t{}\t{}\t{:.6f}\n", command.users[i], rank + 1,
                 data.item_name(lists[i][rank].item), lists[i][rank].score);
    }
  }
}

void run_explain(const QueryCommand& command, const World& world) {
  require_user(1 <= command.hops && command.hops <= 4, Exit::usage, "paths have 1 to 4 edges",
               "--hops: found {}", command.hops);
  require_length(command.k);
  Revived r = revive(command, world);
  const Dataset& data = r.experiment->dataset();
  const Index from = user_of(data, command.user), to = item_of(data, command.item) + data.users();
  const std::optional<ConstView> mine = r.experiment->model().edge_weights();
  require_user(mine.has_value(), Exit::usage, "paths are those of a knowledge graph: train kgat",
               "model {} has no edges to explain by", r.model);
  std::vector<Real> weights(static_cast<std::size_t>(mine->size()));
  r.experiment->device().download(weights.data(), mine->data, weights.size() * sizeof(Real));
  weights = gather_all<Real>(r.experiment->comm().host(), weights);
  if (world.comm.rank() != 0) return;
  const auto paths = heaviest_paths(data, r.experiment->nodes(), weights, from, to, command.hops,
                                    static_cast<std::size_t>(command.k));
  fmt::print("rank\tweight\tpath\n");
  for (std::size_t i = 0; i < paths.size(); ++i) {
    fmt::print("{}\t{:.6g}\t{}\n", i + 1, paths[i].weight, to_text(data, from, paths[i]));
  }
  if (paths.empty()) {
    log_warning("no path of at most {} edges leads from {} to {}", command.hops, command.user,
                command.item);
  }
}

void run_export(const QueryCommand& command, const World& world) {
  Revived r = revive(command, world);
  const std::string digest = verify_checkpoint(r.checkpoint).hex();
  export_vectors({.to = command.to,
                  .model = r.model,
                  .checkpoint = r.checkpoint.filename().string(),
                  .checkpoint_digest = digest,
                  .date = ""},
                 world.comm, r.experiment->device(), r.experiment->dataset(), r.experiment->nodes(),
                 r.vectors, r.experiment->evaluator());
  if (world.comm.rank() != 0) return;
  fmt::print("wrote {}: {} users, {} items, width {}\n", command.to,
             r.experiment->dataset().users(), r.experiment->dataset().items(), r.vectors.cols);
}

}  // namespace chorale
