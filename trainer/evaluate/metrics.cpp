// The ranking metrics. Every sum runs over ranks in ascending order, so a value is a function of
// the hits alone.
#include "trainer/evaluate/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/check.h"

namespace chorale {
namespace {

struct Description {
  std::string_view name;
  std::string_view definition;
};

// In the order of Metric. h = hits in the top k, T = ground truth, ranks from 1.
constexpr std::array<Description, kMetrics> kDescriptions = {{
    {"recall", "hits in the top k / |T|"},
    {"precision", "hits in the top k / k"},
    {"hit", "1 if there is a hit in the top k, else 0"},
    {"mrr", "1 / rank of the first hit in the top k, 0 without a hit"},
    {"map", "sum over the hits in the top k of precision at the rank of the hit, / min(k, |T|)"},
    {"ndcg",
     "DCG@k / IDCG@k; DCG = sum over the hits in the top k of 1 / log2(rank + 1); IDCG = the same "
     "sum over "
     "ranks 1 .. min(k, |T|)"},
    {"ndcg_quirk",
     "DCG@k / IDCG@k with IDCG over ranks 1 .. min(k, hits in the top Kmax), Kmax = the largest k; "
     "not "
     "comparable with ndcg"},
}};

double discount(Index rank) { return 1.0 / std::log2(static_cast<double>(rank) + 1.0); }

double ideal_gain(Index hits) {
  double sum = 0;
  for (Index rank = 1; rank <= hits; ++rank) sum += discount(rank);
  return sum;
}

// What the top k of a list holds.
struct Prefix {
  Index hits = 0;
  Index first_hit = 0;          // rank of it, 0 if there is none
  double gain = 0;              // DCG
  double sum_of_precision = 0;  // over the hits, at their ranks
};

Prefix scan(std::span<const std::uint8_t> hits, Index k) {
  Prefix p;
  for (Index rank = 1; rank <= k; ++rank) {
    if (hits[static_cast<std::size_t>(rank - 1)] == 0) continue;
    ++p.hits;
    if (p.first_hit == 0) p.first_hit = rank;
    p.gain += discount(rank);
    p.sum_of_precision += static_cast<double>(p.hits) / static_cast<double>(rank);
  }
  return p;
}

}  // namespace

std::string_view name(Metric metric) {
  return kDescriptions[static_cast<std::size_t>(metric)].name;
}

std::string_view definition(Metric metric) {
  return kDescriptions[static_cast<std::size_t>(metric)].definition;
}

void user_metrics(std::span<const std::uint8_t> hits, Index truth, std::span<const Index> ks,
                  std::span<double> out) {
  require(truth > 0, "user_metrics: a user without ground truth has no metrics");
  require(out.size() == ks.size() * kMetrics, "user_metrics: {} places for {} values", out.size(),
          ks.size() * kMetrics);
  const Index k_max = static_cast<Index>(hits.size());
  const Index all_hits =
      std::count_if(hits.begin(), hits.end(), [](std::uint8_t h) { return h != 0; });
  for (std::size_t i = 0; i < ks.size(); ++i) {
    const Index k = ks[i];
    require(0 < k && k <= k_max, "user_metrics: k is {}, the list has {} places", k, k_max);
    const Prefix p = scan(hits, k);
    const double h = static_cast<double>(p.hits);
    const auto at = [&](Metric m) -> double& {
      return out[i * kMetrics + static_cast<std::size_t>(m)];
    };
    at(Metric::recall) = h / static_cast<double>(truth);
    at(Metric::precision) = h / static_cast<double>(k);
    at(Metric::hit) = p.hits > 0 ? 1.0 : 0.0;
    at(Metric::mrr) = p.hits > 0 ? 1.0 / static_cast<double>(p.first_hit) : 0.0;
    at(Metric::map) = p.sum_of_precision / static_cast<double>(std::min(k, truth));
    at(Metric::ndcg) = p.gain / ideal_gain(std::min(k, truth));
    at(Metric::ndcg_quirk) = p.hits > 0 ? p.gain / ideal_gain(std::min(k, all_hits)) : 0.0;
  }
}

double Evaluation::at(Metric metric, Index k) const {
  for (const MetricValue& v : values) {
    if (v.metric == metric && v.k == k) return v.value;
  }
  std::string computed;
  for (const MetricValue& v : values) {
    if (v.metric == metric) computed += fmt::format("{}{}", computed.empty() ? "" : ", ", v.k);
  }
  throw Error(Exit::usage,
              fmt::format("{}@{} was not computed; {} was computed at k = {}", name(metric), k,
                          name(metric), computed.empty() ? "none" : computed),
              fmt::format("add {} to eval.k", k));
}

}  // namespace chorale
