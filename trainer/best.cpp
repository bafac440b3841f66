#include "trainer/best.h"

#include <fmt/format.h>

namespace chorale {

std::map<std::string, double> by_name(const Evaluation& evaluation) {
  std::map<std::string, double> values;
  for (const MetricValue& v : evaluation.values) {
    values[fmt::format("{}@{}", name(v.metric), v.k)] = v.value;
  }
  return values;
}

bool Best::offer(Index epoch, double value, const Evaluation& test) {
  const bool better = !exists() || value > value_;
  short_falls_ = better || value == value_ ? 0 : short_falls_ + 1;
  if (better) {
    epoch_ = epoch;
    value_ = value;
    test_ = by_name(test);
  }
  return better;
}

void Best::save(std::map<std::string, double>& numbers) const {
  if (!exists()) return;
  numbers[name_ + ".epoch"] = static_cast<double>(epoch_);
  numbers[name_ + ".value"] = value_;
  numbers[name_ + ".short_falls"] = static_cast<double>(short_falls_);
  for (const auto& [metric, value] : test_) numbers[name_ + ".test." + metric] = value;
}

void Best::restore(const std::map<std::string, double>& numbers) {
  const auto number = [&](const std::string& key) { return numbers.at(name_ + "." + key); };
  if (!numbers.contains(name_ + ".epoch")) return;
  epoch_ = static_cast<Index>(number("epoch"));
  value_ = number("value");
  short_falls_ = static_cast<Index>(number("short_falls"));
  const std::string prefix = name_ + ".test.";
  for (const auto& [key, value] : numbers) {
    if (key.starts_with(prefix)) test_[key.substr(prefix.size())] = value;
  }
}

}  // namespace chorale
