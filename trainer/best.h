// The best evaluation so far by one watched metric, and how many evaluations have fallen short
// since.
//
// The rule of NGCF, KGAT and LightGCN: reaching the best (equal included) starts the count anew;
// the epoch reported is the first with the best value.
#pragma once

#include <map>
#include <string>

#include "trainer/evaluate/metrics.h"

namespace chorale {

class Best {
 public:
  // `name` prefixes the numbers kept in checkpoints: "validation" or "test".
  explicit Best(std::string name) : name_(std::move(name)) {}

  // Offers the watched value of an evaluation; true if it is better than all before. The test
  // metrics of that epoch are kept with it.
  bool offer(Index epoch, double value, const Evaluation& test);

  bool exists() const { return epoch_ >= 0; }
  Index epoch() const { return epoch_; }
  double value() const { return value_; }
  Index short_falls() const { return short_falls_; }  // evaluations in a row below the best
  const std::map<std::string, double>& test() const { return test_; }  // "recall@20" -> value

  void save(std::map<std::string, double>& numbers) const;
  void restore(const std::map<std::string, double>& numbers);

 private:
  std::string name_;
  Index epoch_ = -1;
  double value_ = 0;
  Index short_falls_ = 0;
  std::map<std::string, double> test_;
};

// "recall@20" -> value for all values of an evaluation.
std::map<std::string, double> by_name(const Evaluation& evaluation);

}  // namespace chorale
