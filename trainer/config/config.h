// Configurations: protobuf text to checked messages, and messages to the plain structs of the
// floors below.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "configs/schema/config.pb.h"
#include "embedding/optimizer.h"
#include "embedding/schedule.h"
#include "trainer/evaluate/metrics.h"

namespace chorale {

// Reads a file, applies the --set assignments in order and checks the result.
// Throws Error (Exit::usage): "file:line:column: ..." for what does not parse, "file: train.batch:
// found 0, expected ..." for what parses but makes no sense.
v1::Config load_config(const std::filesystem::path& path, std::span<const std::string> assignments);

// The same from text; `origin` stands for the file in messages.
v1::Config parse_config(const std::string& text, const std::string& origin,
                        std::span<const std::string> assignments);

// One "train.epochs=5" or "eval.k=20,50"; numbers, names, strings with or without quotes, and for
// messages protobuf text: "model.mf={dim: 8}". Lists are replaced, and so is the other choice of a
// oneof.
void assign(v1::Config& config, const std::string& assignment);

// Throws Error (Exit::usage) naming the field, what was found and what was expected.
void validate(const v1::Config& config, const std::string& origin);

std::string to_text(const v1::Config& config);

// Digest over what determines the numbers of a run (model, optimizer, schedule, sampling, seed,
// lanes), not over how long it runs or what it prints. A restart must agree with it.
std::string config_digest(const v1::Config& config);
// Where two configurations of different digests differ: "optimizer.rate: 0.001 in the run, 0.0005
// asked for".
std::vector<std::string> config_differences(const v1::Config& run, const v1::Config& asked);

// The schedule of a phase with this rate and so many steps an epoch.
Schedule make_schedule(const v1::Config& config, double rate, Index steps_per_epoch);
// The optimizer of the configuration, by its name in the schema.
std::unique_ptr<Optimizer> make_optimizer(const v1::Optimizer& config);

struct WatchedMetric {
  Metric metric;
  Index k;
  std::string text() const;  // "recall@20"
  friend bool operator==(const WatchedMetric&, const WatchedMetric&) = default;
};
std::vector<Index> metric_lengths(const v1::Config& config);  // eval.k, [20] if none
// train.early_stop.metric; recall at the first of metric_lengths if there is no early stopping.
// Throws Error (Exit::usage) listing the metrics there are.
std::vector<WatchedMetric> watched_metrics(const v1::Config& config, const std::string& origin);

}  // namespace chorale
