#include "kernels/cuda/step_graph.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/cuda/cuda_check.h"

namespace chorale::cuda {
namespace {

constexpr std::size_t kAlignment = 16;  // of any argument

dim3 grid_of(const Shape& shape) {
  return dim3(static_cast<unsigned>(shape.blocks), static_cast<unsigned>(shape.blocks_y));
}

}  // namespace

Recording::Item& Recording::add(const void* kernel, std::span<const Argument> arguments) {
  Item item{kernel, {}, cudaMemcpyDefault, memory_.size(), 0, places_.size(), arguments.size()};
  for (const Argument& a : arguments) {
    places_.push_back(memory_.size());
    const auto* first = static_cast<const std::byte*>(a.at);
    memory_.insert(memory_.end(), first, first + a.bytes);
    memory_.resize((memory_.size() + kAlignment - 1) / kAlignment * kAlignment);
  }
  item.bytes = memory_.size() - item.first_byte;
  items_.push_back(item);
  return items_.back();
}

void Recording::add_launch(const void* kernel, const Shape& shape,
                           std::span<const Argument> arguments) {
  add(kernel, arguments).shape = shape;
}

void Recording::add_copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const Copy copy{to, from, bytes};
  const std::array<Argument, 1> all{{{&copy, sizeof(copy)}}};
  add(nullptr, all).kind = kind;
}

void Recording::clear() {
  items_.clear();
  memory_.clear();
  places_.clear();
}

bool Recording::is_like(const Recording& other) const {
  return std::ranges::equal(items_, other.items_, [](const Item& a, const Item& b) {
    return a.kernel == b.kernel && a.kind == b.kind;
  });
}

bool Recording::item_equals(std::size_t i, const Recording& other) const {
  const Item &a = items_[i], &b = other.items_[i];
  return a.shape == b.shape && a.bytes == b.bytes &&
         std::memcmp(memory_.data() + a.first_byte, other.memory_.data() + b.first_byte, a.bytes) ==
             0;
}

cudaKernelNodeParams Recording::parameters_of(const Item& item) const {
  addresses_.clear();
  for (std::size_t a = item.first_argument; a < item.first_argument + item.arguments; ++a) {
    addresses_.push_back(const_cast<std::byte*>(memory_.data() + places_[a]));
  }
  cudaKernelNodeParams parameters{};
  parameters.func = const_cast<void*>(item.kernel);
  parameters.gridDim = grid_of(item.shape);
  parameters.blockDim = dim3(static_cast<unsigned>(item.shape.threads));
  parameters.sharedMemBytes = static_cast<unsigned>(item.shape.shared);
  parameters.kernelParams = addresses_.data();
  return parameters;
}

Recording::Copy Recording::copy_of(const Item& item) const {
  Copy copy{};
  std::memcpy(&copy, memory_.data() + item.first_byte, sizeof(copy));
  return copy;
}

cudaGraphNode_t Recording::add_to(cudaGraph_t graph, const cudaGraphNode_t* before,
                                  std::size_t i) const {
  const Item& item = items_[i];
  const std::size_t behind = before == nullptr ? 0 : 1;
  cudaGraphNode_t node = nullptr;
  if (item.kernel != nullptr) {
    const cudaKernelNodeParams parameters = parameters_of(item);
    check(cudaGraphAddKernelNode(&node, graph, before, behind, &parameters),
          "cudaGraphAddKernelNode");
  } else {
    const Copy c = copy_of(item);
    check(cudaGraphAddMemcpyNode1D(&node, graph, before, behind, c.to, c.from, c.bytes, item.kind),
          "cudaGraphAddMemcpyNode1D");
  }
  return node;
}

void Recording::replace(cudaGraphExec_t graph, cudaGraphNode_t node, std::size_t i) const {
  const Item& item = items_[i];
  if (item.kernel != nullptr) {
    const cudaKernelNodeParams parameters = parameters_of(item);
    check(cudaGraphExecKernelNodeSetParams(graph, node, &parameters),
          "cudaGraphExecKernelNodeSetParams");
  } else {
    const Copy c = copy_of(item);
    check(cudaGraphExecMemcpyNodeSetParams1D(graph, node, c.to, c.from, c.bytes, item.kind),
          "cudaGraphExecMemcpyNodeSetParams1D");
  }
}

class StepGraphs::Graph {
 public:
  explicit Graph(const Recording& recording) : has_(recording) {
    check(cudaGraphCreate(&graph_, 0), "cudaGraphCreate");
    for (std::size_t i = 0; i < recording.size(); ++i) {
      const cudaGraphNode_t* before = i == 0 ? nullptr : &nodes_.back();
      nodes_.push_back(recording.add_to(graph_, before, i));
    }
    check(cudaGraphInstantiate(&ready_, graph_, 0), "cudaGraphInstantiate");
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() {
    if (ready_ != nullptr) cudaGraphExecDestroy(ready_);
    if (graph_ != nullptr) cudaGraphDestroy(graph_);
  }

  bool serves(const Recording& recording) const { return recording.is_like(has_); }

  void run(const Recording& recording, cudaStream_t stream) {
    for (std::size_t i = 0; i < recording.size(); ++i) {
      if (!recording.item_equals(i, has_)) recording.replace(ready_, nodes_[i], i);
    }
    has_ = recording;
    check(cudaGraphLaunch(ready_, stream), "cudaGraphLaunch");
  }

 private:
  Recording has_;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t ready_ = nullptr;
  std::vector<cudaGraphNode_t> nodes_;
};

StepGraphs::StepGraphs() = default;
StepGraphs::~StepGraphs() = default;

void StepGraphs::run(const Recording& recording, cudaStream_t stream) {
  auto found = std::ranges::find_if(graphs_, [&](const auto& g) { return g->serves(recording); });
  if (found == graphs_.end()) {
    if (graphs_.size() == kMost) {
      check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");  // it may still run
      graphs_.pop_back();
    }
    graphs_.push_front(std::make_unique<Graph>(recording));
  } else {
    graphs_.splice(graphs_.begin(), graphs_, found);
  }
  graphs_.front()->run(recording, stream);
}

}  // namespace chorale::cuda
