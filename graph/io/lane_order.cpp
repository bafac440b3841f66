#include "graph/io/lane_order.h"

#include <algorithm>
#include <numeric>

namespace chorale {
namespace {

constexpr Index kMostPasses = 20, kFewestPasses = 3;
constexpr Index kNeighbours = 100'000'000;  // looked at in all passes, if the fewest allow it
constexpr double kSlack = 1.05;
// Joining takes lanes^3 steps; with more lanes than this they are left in the order found.
constexpr int kMostJoined = 512;

// Users are nodes 0 .. U-1, items follow, then the other entities.
class Greedy {
 public:
  Greedy(const IdLists& items_of_user, const IdLists& users_of_item, const IdLists& related,
         int lanes)
      : items_of_user_(items_of_user),
        users_of_item_(users_of_item),
        related_(related),
        users_(items_of_user.rows()),
        items_(users_of_item.rows()),
        nodes_(users_ + std::max(items_, related.rows())),
        row_load_(std::max<Index>(
            1, (items_of_user.size() + related.size() / 2) / std::max<Index>(1, nodes_))),
        capacity_(
            kSlack *
            static_cast<double>(2 * items_of_user.size() + related.size() + nodes_ * row_load_) /
            lanes),
        load_(static_cast<std::size_t>(lanes), 0),
        shared_(static_cast<std::size_t>(lanes), 0),
        lane_(static_cast<std::size_t>(nodes_), -1) {}

  // Visits every node once, in order of breadth-first search, and puts it where its neighbours are.
  void pass() {
    for (const Index node : order_) place(node);
  }

  // Breadth-first from the most active unvisited user; a community is then seen in one go.
  void find_order() {
    std::vector<Index> roots(static_cast<std::size_t>(nodes_));
    std::iota(roots.begin(), roots.end(), Index{0});
    std::ranges::stable_sort(roots, std::greater<>(), [&](Index node) { return degree(node); });
    std::vector<bool> seen(static_cast<std::size_t>(nodes_), false);
    order_.reserve(static_cast<std::size_t>(nodes_));
    for (const Index root : roots) {
      if (seen[static_cast<std::size_t>(root)]) continue;
      seen[static_cast<std::size_t>(root)] = true;
      order_.push_back(root);
      for (std::size_t next = order_.size() - 1; next < order_.size(); ++next) {
        const Index node = order_[next];
        each_neighbour(node, [&](Index other) {
          if (seen[static_cast<std::size_t>(other)]) return;
          seen[static_cast<std::size_t>(other)] = true;
          order_.push_back(other);
        });
      }
    }
  }

  // Edges between each pair of lanes; met from both ends, so the matrix is symmetric.
  std::vector<std::vector<Index>> lane_graph() const {
    std::vector<std::vector<Index>> edges(load_.size(), std::vector<Index>(load_.size(), 0));
    for (Index node = 0; node < nodes_; ++node) {
      each_neighbour(node, [&](Index other) {
        const auto a = static_cast<std::size_t>(lane_[static_cast<std::size_t>(node)]);
        const auto b = static_cast<std::size_t>(lane_[static_cast<std::size_t>(other)]);
        ++edges[a][b];
      });
    }
    return edges;
  }

  // The lane that was found as lanes[i] becomes lane i.
  LaneOrder result(const std::vector<std::size_t>& lanes) const {
    const std::vector<std::vector<Index>> none(load_.size());
    LaneOrder r{none, none, none};
    std::vector<std::size_t> place(lanes.size());
    for (std::size_t i = 0; i < lanes.size(); ++i) place[lanes[i]] = i;
    for (Index node = 0; node < nodes_; ++node) {
      const std::size_t lane =
          place[static_cast<std::size_t>(lane_[static_cast<std::size_t>(node)])];
      if (node < users_) {
        r.users[lane].push_back(node);
      } else {
        (node < users_ + items_ ? r.items : r.others)[lane].push_back(node - users_);
      }
    }
    const auto sort = [&](std::vector<std::vector<Index>>& lists, Index first) {
      for (auto& ids : lists) {
        std::ranges::stable_sort(ids, std::greater<>(), [&](Index i) { return degree(first + i); });
      }
    };
    sort(r.users, 0);
    sort(r.items, users_);
    sort(r.others, users_);
    return r;
  }

 private:
  template <class Visit>
  void each_neighbour(Index node, Visit visit) const {
    if (node < users_) {
      for (const std::int32_t item : items_of_user_[node]) visit(users_ + item);
      return;
    }
    const Index entity = node - users_;
    if (entity < items_) {
      for (const std::int32_t user : users_of_item_[entity]) visit(Index{user});
    }
    if (related_.rows() == 0) return;
    for (const std::int32_t other : related_[entity]) visit(users_ + other);
  }
  Index degree(Index node) const {
    if (node < users_) return items_of_user_.degree(node);
    const Index entity = node - users_;
    return (entity < items_ ? users_of_item_.degree(entity) : 0) +
           (related_.rows() > 0 ? related_.degree(entity) : 0);
  }

  void place(Index node) {
    int& lane = lane_[static_cast<std::size_t>(node)];
    const Index load = degree(node) + row_load_;
    if (lane >= 0) load_[static_cast<std::size_t>(lane)] -= load;
    each_neighbour(node, [&](Index other) {
      const int at = lane_[static_cast<std::size_t>(other)];
      if (at >= 0) ++shared_[static_cast<std::size_t>(at)];
    });
    lane = best_lane();
    load_[static_cast<std::size_t>(lane)] += load;
    std::ranges::fill(shared_, 0);
  }

  // Most shared neighbours times the room left; among equals the emptiest, then the first.
  int best_lane() const {
    std::size_t best = 0;
    double best_score = -1;
    for (std::size_t l = 0; l < load_.size(); ++l) {
      const double room = 1.0 - static_cast<double>(load_[l]) / capacity_;
      const double score = room <= 0 ? -1.0 : static_cast<double>(shared_[l]) * room;
      if (score > best_score || (score == best_score && load_[l] < load_[best])) {
        best_score = score;
        best = l;
      }
    }
    return static_cast<int>(best);
  }

  const IdLists& items_of_user_;
  const IdLists& users_of_item_;
  const IdLists& related_;
  Index users_;
  Index items_;
  Index nodes_;
  Index row_load_;  // half the mean degree
  double capacity_;
  std::vector<Index> order_;
  std::vector<Index> load_;
  std::vector<Index> shared_;
  std::vector<int> lane_;
};

// Orders lanes so that runs of them belong together: the two groups with the most edges between
// them, for their size, are joined until one is left.
std::vector<std::size_t> join_lanes(std::vector<std::vector<Index>> edges) {
  std::vector<std::vector<std::size_t>> groups(edges.size());
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = {i};
  for (std::size_t left = groups.size(); left > 1; --left) {
    std::size_t a = 0, b = 0;
    double best = -1;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      for (std::size_t j = i + 1; j < groups.size() && !groups[i].empty(); ++j) {
        if (groups[j].empty()) continue;
        const auto pairs = static_cast<double>(groups[i].size() * groups[j].size());
        const double density =
            static_cast<double>(edges[i][j]) / pairs / (groups[i].size() + groups[j].size());
        if (density > best) best = density, a = i, b = j;
      }
    }
    groups[a].insert(groups[a].end(), groups[b].begin(), groups[b].end());
    groups[b].clear();
    for (std::size_t k = 0; k < edges.size(); ++k) {
      edges[a][k] += edges[b][k];
      edges[k][a] = edges[a][k];
    }
  }
  return groups.empty() ? std::vector<std::size_t>{} : groups[0];
}

std::vector<std::size_t> in_order(int lanes) {
  std::vector<std::size_t> order(static_cast<std::size_t>(lanes));
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

}  // namespace

LaneOrder order_into_lanes(const IdLists& items_of_user, const IdLists& users_of_item,
                           const IdLists& related, int lanes) {
  Greedy greedy(items_of_user, users_of_item, related, lanes);
  greedy.find_order();
  const Index each = std::max<Index>(1, 2 * items_of_user.size() + related.size());
  const Index passes = std::clamp(kNeighbours / each, kFewestPasses, kMostPasses);
  for (Index pass = 0; pass < passes; ++pass) greedy.pass();
  if (lanes > kMostJoined) return greedy.result(in_order(lanes));
  return greedy.result(join_lanes(greedy.lane_graph()));
}

}  // namespace chorale
