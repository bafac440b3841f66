// Metrics from ranked lists: hits by lookup in the truth, means over lanes.
#include "trainer/evaluate/evaluator.h"

#include <algorithm>

#include "comm/lane_sum.h"
#include "comm/typed.h"
#include "kernels/check.h"

namespace chorale {
namespace {

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

// The users of this rank's rows that have a ground truth, by ascending row, lane by lane.
struct Judged {
  std::vector<Index> users;
  std::vector<Index> lane_end;  // (local lanes) into `users`
};

Judged judged_users(const Dataset& dataset, const Partition& nodes, Split split) {
  Judged judged;
  for (int lane = nodes.lanes().begin(); lane < nodes.lanes().end(); ++lane) {
    for (Index row = nodes.lane_begin(lane); row < nodes.lane_begin(lane + 1); ++row) {
      const Index node = dataset.node_of_row(row);
      if (dataset.is_user(node) && !dataset.items_of(split, node).empty())
        judged.users.push_back(node);
    }
    judged.lane_end.push_back(static_cast<Index>(judged.users.size()));
  }
  return judged;
}

// One row of a recommendation on its way to the other ranks.
struct Offer {
  Index request;  // which of the users asked for
  Index item;
  Real score;
};

}  // namespace

Evaluator::Evaluator(Device& device, Communicator& comm, const Dataset& dataset,
                     const Partition& nodes, EvaluatorOptions options)
    : comm_(comm),
      dataset_(dataset),
      nodes_(nodes),
      options_(std::move(options)),
      ranker_(device, comm, dataset, nodes, options_.users_per_block) {
  require_user(
      !options_.ks.empty() && *std::min_element(options_.ks.begin(), options_.ks.end()) > 0,
      Exit::usage, "for example eval.k: 20", "eval.k is {}, expected positive numbers",
      options_.ks.empty() ? "empty" : "not positive");
}

Evaluation Evaluator::evaluate(ConstView vectors, Split split) {
  require_user(dataset_.interactions(split) > 0, Exit::data,
               "hold items out: chorale prepare --valid 0.1, or bring a test file",
               "no user has an item in the {} split of {}", name(split),
               dataset_.folder().string());
  const Index k_max = *std::max_element(options_.ks.begin(), options_.ks.end());
  const Judged judged = judged_users(dataset_, nodes_, split);
  const RankedLists lists = ranker_.rank(vectors, judged.users, k_max, true);

  // Per lane: the sums of every metric, and the number of users.
  const std::size_t n = options_.ks.size() * kMetrics;
  std::vector<double> of_user(n), sums(judged.lane_end.size() * (n + 1)), total(n + 1);
  std::vector<std::uint8_t> hits(size(k_max));
  Index i = 0;
  for (std::size_t lane = 0; lane < judged.lane_end.size(); ++lane) {
    double* sum = sums.data() + lane * (n + 1);
    for (; i < judged.lane_end[lane]; ++i) {
      const auto truth = dataset_.items_of(split, judged.users[size(i)]);
      std::transform(
          lists.items_of(i).begin(), lists.items_of(i).end(), hits.begin(), [&](Index item) {
            return std::binary_search(truth.begin(), truth.end(), item) ? std::uint8_t{1}
                                                                        : std::uint8_t{0};
          });
      user_metrics(hits, static_cast<Index>(truth.size()), options_.ks, of_user);
      for (std::size_t m = 0; m < n; ++m) sum[m] += of_user[m];
      sum[n] += 1;
    }
  }
  lane_sum(comm_.host(), nodes_.lanes(), sums, total);

  Evaluation result{.users = static_cast<Index>(total[n]), .k_max = k_max, .values = {}};
  for (std::size_t m = 0; m < n; ++m) {
    result.values.push_back(
        {static_cast<Metric>(m % kMetrics), options_.ks[m / kMetrics], total[m] / total[n]});
  }
  return result;
}

void Evaluator::plan(Index cols, Split split) const {
  const auto n = static_cast<Index>(judged_users(dataset_, nodes_, split).users.size());
  ranker_.plan(cols, n, *std::max_element(options_.ks.begin(), options_.ks.end()));
}

std::vector<std::vector<Recommendation>> Evaluator::recommend(ConstView vectors,
                                                              std::span<const Index> users, Index k,
                                                              bool exclude_seen) {
  std::vector<Index> own, request;
  for (std::size_t i = 0; i < users.size(); ++i) {
    require(0 <= users[i] && users[i] < dataset_.users(), "recommend: user {} of {}", users[i],
            dataset_.users());
    if (!nodes_.owns(dataset_.row_of_user(users[i]))) continue;
    own.push_back(users[i]);
    request.push_back(static_cast<Index>(i));
  }
  const RankedLists lists = ranker_.rank(vectors, own, k, exclude_seen);

  std::vector<Offer> mine;
  for (Index i = 0; i < static_cast<Index>(own.size()); ++i) {
    for (Index place = 0; place < lists.k; ++place) {
      const Index item = lists.items_of(i)[size(place)];
      if (item >= 0) mine.push_back({request[size(i)], item, lists.scores_of(i)[size(place)]});
    }
  }
  std::vector<std::vector<Recommendation>> result(users.size());
  for (const Offer& o : gather_all<Offer>(comm_.host(), mine)) {
    result[size(o.request)].push_back({o.item, o.score});
  }
  return result;
}

}  // namespace chorale
