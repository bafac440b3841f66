// The best evaluation so far by the watched metrics, and how many evaluations have fallen short
// since.
//
// One metric: the rule of NGCF, KGAT and LightGCN. Reaching its best (equal included) starts the
// count anew; the epoch reported is the first with the best value. Several: the rule of MMHCL. Any
// of them that reaches its own best starts the count anew; the epoch reported is the last at which
// any exceeded its own best.
//
// Worked example, recall and ndcg of four evaluations: (5, 3), (4, 4), (5, 2), (3, 4). The second
// is the best, for the ndcg that no later one exceeds, although the first has the better recall;
// the third and the fourth only equal a best, so the count stays 0.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "trainer/config/config.h"
#include "trainer/evaluate/metrics.h"

namespace chorale {

class Best {
 public:
  // `split` prefixes the numbers kept in checkpoints: "validation" or "test". At least one metric.
  Best(std::string split, const std::vector<WatchedMetric>& metrics);

  // Offers an evaluation; true if a watched metric is better than it ever was. The test metrics of
  // that epoch are kept with it.
  bool offer(Index epoch, const Evaluation& evaluation, const Evaluation& test);

  // A watched metric, its largest value and the first epoch that had it.
  struct Peak {
    WatchedMetric metric;
    Index epoch = -1;
    double value = 0;
  };

  bool exists() const { return epoch_ >= 0; }
  Index epoch() const { return epoch_; }
  // The first listed of those that made epoch() the best.
  const Peak& decisive() const;
  const std::vector<Peak>& peaks() const { return peaks_; }  // in the order of the metrics
  Index short_falls() const { return short_falls_; }         // evaluations in a row below all bests
  const std::map<std::string, double>& test() const { return test_; }  // "recall@20" -> value

  // A checkpoint's numbers by other metrics than today's are not taken: the names are in the keys.
  void save(std::map<std::string, double>& numbers) const;
  void restore(const std::map<std::string, double>& numbers);

 private:
  std::string key(const Peak& peak) const { return split_ + " " + peak.metric.text(); }

  std::string split_;
  std::string name_;  // the split and all metrics; of one metric its key()
  std::vector<Peak> peaks_;
  Index epoch_ = -1;
  Index short_falls_ = 0;
  std::map<std::string, double> test_;
};

// "recall@20" -> value for all values of an evaluation.
std::map<std::string, double> by_name(const Evaluation& evaluation);

}  // namespace chorale
