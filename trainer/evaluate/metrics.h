// Ranking metrics of one user and their means. Formulas: docs/metrics.md.
//
// Two NDCGs are in circulation and must never be compared: `ndcg` normalises by the best possible
// list (min(k, |T|) hits), `ndcg_quirk` by the hits found in the user's top Kmax, as the code of
// NGCF and KGAT does.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/view.h"

namespace chorale {

enum class Metric { recall, precision, hit, mrr, map, ndcg, ndcg_quirk };
inline constexpr int kMetrics = 7;
std::string_view name(Metric metric);
std::string_view definition(Metric metric);  // the formula in words, for final_metrics.json

// All metrics of one user at every k.
//   hits[r]: is the item at rank r (from 0) in the ground truth; the list of length Kmax =
//   hits.size() >= max(ks) truth: |T| > 0 out:(ks.size() * kMetrics), metric fastest
void user_metrics(std::span<const std::uint8_t> hits, Index truth, std::span<const Index> ks,
                  std::span<double> out);

struct MetricValue {
  Metric metric;
  Index k;
  double value;
};

// Means over the users with a non-empty ground truth.
struct Evaluation {
  Index users = 0;  // how many were averaged
  Index k_max = 0;
  std::vector<MetricValue> values;
  double at(Metric metric, Index k) const;  // throws Error (Exit::usage) if it was not computed
};

}  // namespace chorale
