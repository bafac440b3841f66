#include "trainer/best.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/check.h"

namespace chorale {

std::map<std::string, double> by_name(const Evaluation& evaluation) {
  std::map<std::string, double> values;
  for (const MetricValue& v : evaluation.values) {
    values[fmt::format("{}@{}", name(v.metric), v.k)] = v.value;
  }
  return values;
}

Best::Best(std::string split, const std::vector<WatchedMetric>& metrics)
    : split_(std::move(split)), name_(split_) {
  require(!metrics.empty(), "best: no metric is watched");
  for (const WatchedMetric& metric : metrics) {
    peaks_.push_back({metric});
    name_ += (peaks_.size() == 1 ? " " : ",") + metric.text();
  }
}

bool Best::offer(Index epoch, const Evaluation& evaluation, const Evaluation& test) {
  bool better = false, reached = false;
  for (Peak& peak : peaks_) {
    const double value = evaluation.at(peak.metric.metric, peak.metric.k);
    reached = reached || value >= peak.value;
    if (peak.epoch >= 0 && value <= peak.value) continue;
    better = true;
    peak.epoch = epoch;
    peak.value = value;
  }
  short_falls_ = better || reached ? 0 : short_falls_ + 1;
  if (better) {
    epoch_ = epoch;
    test_ = by_name(test);
  }
  return better;
}

const Best::Peak& Best::decisive() const {
  return *std::ranges::find(peaks_, epoch_, &Peak::epoch);
}

void Best::save(std::map<std::string, double>& numbers) const {
  if (!exists()) return;
  for (const Peak& peak : peaks_) {
    numbers[key(peak) + ".epoch"] = static_cast<double>(peak.epoch);
    numbers[key(peak) + ".value"] = peak.value;
  }
  numbers[name_ + ".epoch"] = static_cast<double>(epoch_);
  numbers[name_ + ".short_falls"] = static_cast<double>(short_falls_);
  for (const auto& [metric, value] : test_) numbers[name_ + ".test." + metric] = value;
}

void Best::restore(const std::map<std::string, double>& numbers) {
  // A peak has an epoch and a value in any company; the count says that all were watched together.
  if (!numbers.contains(name_ + ".short_falls")) return;
  for (Peak& peak : peaks_) {
    peak.epoch = static_cast<Index>(numbers.at(key(peak) + ".epoch"));
    peak.value = numbers.at(key(peak) + ".value");
  }
  epoch_ = static_cast<Index>(numbers.at(name_ + ".epoch"));
  short_falls_ = static_cast<Index>(numbers.at(name_ + ".short_falls"));
  const std::string prefix = name_ + ".test.";
  for (const auto& [key, value] : numbers) {
    if (key.starts_with(prefix)) test_[key.substr(prefix.size())] = value;
  }
}

}  // namespace chorale
