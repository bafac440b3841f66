#include "graph/dropped_graph.h"

#include <algorithm>
#include <cmath>

#include "graph/neighbourhood.h"
#include "kernels/arena.h"
#include "kernels/check.h"
#include "kernels/random.h"

namespace chorale {
namespace {

// One view of one epoch.
class Draw {
 public:
  Draw(const Dataset& dataset, const DroppedGraph::Options& options, Index epoch, int view)
      : dataset_(dataset),
        options_(options),
        // Distinct for epoch < 2^48.
        step_(static_cast<std::uint64_t>(epoch) | (static_cast<std::uint64_t>(view) << 48)),
        threshold_(dropout_threshold(options.rate)),
        degrees_(static_cast<std::size_t>(dataset.nodes()), kUnknown) {}

  // Whether the edge between these nodes is left.
  bool keeps(Index a, Index b) const {
    if (options_.what == Dropped::nodes) return keeps(a) && keeps(b);
    const auto user = static_cast<std::uint64_t>(std::min(a, b));
    const auto item = static_cast<std::uint64_t>(std::max(a, b) - dataset_.users());
    return is_left(Purpose::drop_edge, (user << 32) | item);
  }

  // What is left of a node's edges; counted when first asked for.
  std::int32_t degree(Index node) {
    std::int32_t& degree = degrees_[static_cast<std::size_t>(node)];
    if (degree != kUnknown) return degree;
    const Neighbourhood neighbours{dataset_};
    degree =
        static_cast<std::int32_t>(std::ranges::count_if(neighbours.of(node), [&](std::int32_t id) {
          return keeps(node, neighbours.other(node, id));
        }));
    return degree;
  }

 private:
  static constexpr std::int32_t kUnknown = -1;

  bool keeps(Index node) const {
    return is_left(Purpose::drop_node, static_cast<std::uint64_t>(node));
  }
  bool is_left(Purpose purpose, std::uint64_t index) const {
    return random_bits({purpose, options_.seed}, step_, index).word[0] >= threshold_;
  }

  const Dataset& dataset_;
  const DroppedGraph::Options& options_;
  std::uint64_t step_;
  std::uint32_t threshold_;
  std::vector<std::int32_t> degrees_;
};

}  // namespace

DroppedGraph::DroppedGraph(Device& device, Communicator& comm, const Dataset& dataset,
                           const Partition& nodes, const Options& options)
    : dataset_(dataset), options_(options) {
  require(0 <= options.rate && options.rate < 1, "dropped graph: a rate of {}", options.rate);
  const Neighbourhood neighbours{dataset_};
  std::vector<Triplet> entries;
  for (Index row = nodes.first(); row < nodes.last(); ++row) {
    const Index node = dataset_.node_of_row(row);
    nodes_of_rows_.push_back(node);
    const auto first = static_cast<std::ptrdiff_t>(entries.size());
    for (const std::int32_t id : neighbours.of(node)) {
      entries.push_back({row, neighbours.row(neighbours.other(node, id)), Real{0}});
    }
    std::sort(entries.begin() + first, entries.end(),
              [](const Triplet& a, const Triplet& b) { return a.column < b.column; });
  }
  for (const Triplet& t : entries) {
    others_.push_back(static_cast<std::int32_t>(dataset_.node_of_row(t.column)));
  }
  views_.reserve(static_cast<std::size_t>(options.views));
  for (int v = 0; v < options.views; ++v) {
    views_.emplace_back(device, comm, nodes, nodes, entries, true, EdgeValues::assignable);
  }
}

void DroppedGraph::redraw(Arena& arena, Index epoch) {
  const Neighbourhood neighbours{dataset_};
  std::vector<Real> values(others_.size());
  const View on_device = arena.take_view(static_cast<Index>(values.size()), 1);
  for (std::size_t v = 0; v < views_.size(); ++v) {
    Draw draw(dataset_, options_, epoch, static_cast<int>(v));
    std::size_t e = 0;
    for (const Index node : nodes_of_rows_) {
      for (Index k = neighbours.degree(node); k > 0; --k, ++e) {
        const Index other = others_[e];
        const auto degrees = static_cast<double>(draw.degree(node)) * draw.degree(other);
        values[e] = draw.keeps(node, other) ? static_cast<Real>(1.0 / std::sqrt(degrees)) : Real{0};
      }
    }
    arena.device().upload(on_device.data, values.data(), values.size() * sizeof(Real));
    views_[v].assign(arena, on_device);
  }
  arena.give_back(on_device);
}

}  // namespace chorale
