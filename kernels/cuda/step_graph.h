// A step of training as one graph: launches and copies are written down in place of being
// enqueued, and handed to the GPU together.
//
// Step after step enqueues the same kernels in the same order, with a few other arguments: places
// of host memory, lengths of lists, the learning rate. So the graph of an earlier step is used
// again: arguments are compared byte by byte with those that it has, and what differs is replaced.
// Nothing is assumed of a step; another order of kernels makes another graph.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "kernels/cuda/queue.h"

namespace chorale::cuda {

// What was enqueued, in order.
class Recording {
 public:
  void add_launch(const void* kernel, const Shape& shape, std::span<const Argument> arguments);
  void add_copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
  void clear();
  std::size_t size() const { return items_.size(); }

  // The graph of one also serves the other, with other arguments.
  bool is_like(const Recording& other) const;
  bool item_equals(std::size_t i, const Recording& other) const;

  // Item i behind `before` (null for the first) into a graph that is being made; returns its node.
  cudaGraphNode_t add_to(cudaGraph_t graph, const cudaGraphNode_t* before, std::size_t i) const;
  // Puts item i in the place of what `node` of a finished graph does.
  void replace(cudaGraphExec_t graph, cudaGraphNode_t node, std::size_t i) const;

 private:
  struct Item {
    const void* kernel;  // null for a copy
    Shape shape;
    cudaMemcpyKind kind;
    std::size_t first_byte, bytes;          // of its arguments
    std::size_t first_argument, arguments;  // of `places_`
  };
  struct Copy {
    void* to;
    const void* from;
    std::size_t bytes;
  };

  Item& add(const void* kernel, std::span<const Argument> arguments);
  cudaKernelNodeParams parameters_of(const Item& item) const;  // valid until the next call
  Copy copy_of(const Item& item) const;

  std::vector<Item> items_;
  std::vector<std::byte> memory_;    // of arguments
  std::vector<std::size_t> places_;  // of arguments in memory_
  mutable std::vector<void*> addresses_;
};

// The graphs of the latest kinds of steps.
class StepGraphs {
 public:
  StepGraphs();
  StepGraphs(const StepGraphs&) = delete;
  StepGraphs& operator=(const StepGraphs&) = delete;
  ~StepGraphs();

  // Enqueues what was recorded.
  void run(const Recording& recording, cudaStream_t stream);

 private:
  class Graph;
  static constexpr std::size_t kMost = 8;

  std::list<std::unique_ptr<Graph>> graphs_;  // the one used last first
};

}  // namespace chorale::cuda
