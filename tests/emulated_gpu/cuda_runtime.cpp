// The emulated GPU: streams are queues of work that is done when the host waits, a graph a list of
// it.
#include "cuda_runtime.h"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/check.h"
#include "simt.h"
#include "tests/emulated_gpu/emulated_gpu.h"
#include "tests/support/closed_region.h"

using chorale::require;
using chorale::cuda::Shape;
namespace test = chorale::test;

using Work = std::function<void()>;

struct EmulatedStream {
  std::deque<Work> waiting;
  std::uint64_t done = 0;  // of what it ever got
  bool is_hurried = false;
};

struct EmulatedEvent {
  EmulatedStream* stream = nullptr;
  std::uint64_t after = 0;  // happens when its stream has done so much
};

struct EmulatedNode {
  const void* kernel;  // null for a copy
  Work work;
};

struct EmulatedGraph {
  std::vector<std::unique_ptr<EmulatedNode>> nodes;
  std::map<EmulatedNode*, std::size_t> place;
};

namespace {

constexpr int kGpus = 1;

struct Gpu {
  test::ClosedRegion region;
  std::map<void*, std::size_t> blocks;
  std::size_t used = 0, size = std::size_t{1} << 30;
  bool has_driver = true;
  test::GpuCounts counts;
  bool hurries_aside = false;
  int streams = 0;  // ever made: a device makes two, the second to run aside
  std::deque<float> times;
};
Gpu& gpu() {
  thread_local Gpu mine;
  return mine;
}

struct Pinned {
  std::mutex guard;
  std::map<const std::byte*, std::size_t> blocks;
} pinned;

void require_pinned(const void* memory, std::size_t bytes) {
  const auto* first = static_cast<const std::byte*>(memory);
  const std::lock_guard lock(pinned.guard);
  const auto after = pinned.blocks.upper_bound(first);
  require(after != pinned.blocks.begin(), "emulated GPU: host memory of a copy is not pinned");
  const auto& [begin, size] = *std::prev(after);
  require(first + bytes <= begin + size, "emulated GPU: host memory of a copy is not pinned");
}

void work_until(EmulatedStream& stream, std::uint64_t count) {
  while (stream.done < count) {
    const Work work = std::move(stream.waiting.front());
    stream.waiting.pop_front();
    ++stream.done;
    work();
  }
}

// The host waits.
void run_until(EmulatedStream& stream, std::uint64_t count) {
  if (stream.done >= count) return;
  ++gpu().counts.waits;
  const test::ClosedRegion::Opened opened(gpu().region);
  work_until(stream, count);
}

void enqueue(EmulatedStream& stream, Work work) {
  stream.waiting.push_back(std::move(work));
  if (!stream.is_hurried) return;
  const test::ClosedRegion::Opened opened(gpu().region);
  work_until(stream, stream.done + stream.waiting.size());
}

Work copy_work(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (kind == cudaMemcpyHostToDevice) require_pinned(from, bytes);
  if (kind == cudaMemcpyDeviceToHost) require_pinned(to, bytes);
  return [=] { std::memcpy(to, from, bytes); };
}

// With the arguments as they are now.
Work kernel_work(const void* kernel, dim3 grid, dim3 block, std::size_t shared, void** arguments) {
  require(grid.x >= 1 && grid.y >= 1 && grid.y <= 65535, "emulated GPU: a grid of {} x {} blocks",
          grid.x, grid.y);
  const Shape shape{
      .blocks = grid.x, .threads = static_cast<int>(block.x), .blocks_y = grid.y, .shared = shared};
  std::vector<std::vector<std::byte>> values;
  for (const std::size_t bytes : chorale::cuda::signature_of(kernel).bytes) {
    const auto* at = static_cast<const std::byte*>(arguments[values.size()]);
    values.emplace_back(at, at + bytes);
  }
  return [=] {
    std::vector<void*> addresses;
    for (const auto& v : values) addresses.push_back(const_cast<std::byte*>(v.data()));
    chorale::cuda::run_kernel(kernel, shape, addresses.data());
  };
}

cudaError_t add_node(EmulatedGraph* graph, const cudaGraphNode_t* before, std::size_t count,
                     const void* kernel, Work work, cudaGraphNode_t* node) {
  // A chain: the emulation runs nodes in the order they were added.
  const bool is_next =
      graph->nodes.empty() ? count == 0 : count == 1 && *before == graph->nodes.back().get();
  require(is_next, "emulated GPU: a graph that is not a chain");
  graph->nodes.push_back(std::make_unique<EmulatedNode>(EmulatedNode{kernel, std::move(work)}));
  *node = graph->nodes.back().get();
  graph->place[*node] = graph->nodes.size() - 1;
  return cudaSuccess;
}

cudaError_t replace_node(EmulatedGraph* ready, EmulatedNode* node, const void* kernel, Work work) {
  require(ready->place.contains(node), "emulated GPU: a node of another graph is replaced");
  EmulatedNode& mine = *ready->nodes[ready->place[node]];
  require(mine.kernel == kernel, "emulated GPU: a node is replaced by one of another kind");
  mine.work = std::move(work);
  ++gpu().counts.replaced;
  return cudaSuccess;
}

}  // namespace

namespace chorale::test {

GpuCounts& gpu_counts() { return gpu().counts; }
std::deque<float>& gpu_times() { return gpu().times; }
void set_gpu_memory(std::size_t bytes) { gpu().size = bytes; }
void set_gpu_driver(bool is_there) { gpu().has_driver = is_there; }
void hurry_aside(bool hurries) { gpu().hurries_aside = hurries; }

}  // namespace chorale::test

const char* cudaGetErrorString(cudaError_t code) {
  return code == cudaSuccess ? "no error" : "an error of the emulated GPU";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) {
  *count = gpu().has_driver ? kGpus : 0;
  return gpu().has_driver ? cudaSuccess : cudaErrorInsufficientDriver;
}
cudaError_t cudaSetDevice(int ordinal) {
  return ordinal < kGpus ? cudaSuccess : cudaErrorInvalidValue;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = 2;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char* text, int bytes, int) {
  std::strncpy(text, "emulated", static_cast<std::size_t>(bytes));
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int value) {
  return value <= 227 << 10 ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  Gpu& g = gpu();
  ++g.counts.allocations;
  if (g.used + bytes > g.size) return cudaErrorMemoryAllocation;
  *memory = g.region.take(bytes);
  g.blocks[*memory] = bytes;
  g.used += bytes;
  const test::ClosedRegion::Opened opened(g.region);
  std::memset(*memory, test::kPoison, bytes);
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  Gpu& g = gpu();
  const auto block = g.blocks.find(memory);
  if (block == g.blocks.end()) return cudaErrorInvalidValue;
  g.used -= block->second;
  g.region.give_back(memory, block->second);
  g.blocks.erase(block);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = gpu().size - gpu().used;
  *total = gpu().size;
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned) {
  *memory = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  std::memset(*memory, test::kPoison, bytes);
  const std::lock_guard lock(pinned.guard);
  pinned.blocks[static_cast<std::byte*>(*memory)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  const std::lock_guard lock(pinned.guard);
  pinned.blocks.erase(static_cast<std::byte*>(memory));
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  auto made = std::make_unique<EmulatedStream>();
  const bool is_second = gpu().streams++ % 2 == 1;
  made->is_hurried = is_second && gpu().hurries_aside;
  *stream = made.release();
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  run_until(*stream, stream->done + stream->waiting.size());
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (event->stream == nullptr) return cudaSuccess;
  enqueue(*stream, [at = *event] { work_until(*at.stream, at.after); });
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = std::make_unique<EmulatedEvent>().release();
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  *event = {stream, stream->done + stream->waiting.size()};
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->stream != nullptr) run_until(*event->stream, event->after);
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const bool both_happened = start->stream != nullptr && start->stream == end->stream &&
                             start->after <= end->after && end->after <= end->stream->done;
  if (!both_happened) return cudaErrorInvalidValue;
  std::deque<float>& times = gpu().times;
  *milliseconds = times.empty() ? 1 : times.front();
  if (!times.empty()) times.pop_front();
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  ++gpu().counts.copies;
  enqueue(*stream, copy_work(to, from, bytes, kind));
  return cudaSuccess;
}
cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments,
                             std::size_t shared, cudaStream_t stream) {
  ++gpu().counts.launches;
  enqueue(*stream, kernel_work(kernel, grid, block, shared, arguments));
  return cudaSuccess;
}

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned) {
  *graph = std::make_unique<EmulatedGraph>().release();
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphAddKernelNode(cudaGraphNode_t* node, cudaGraph_t graph,
                                   const cudaGraphNode_t* before, std::size_t count,
                                   const cudaKernelNodeParams* p) {
  return add_node(graph, before, count, p->func,
                  kernel_work(p->func, p->gridDim, p->blockDim, p->sharedMemBytes, p->kernelParams),
                  node);
}
cudaError_t cudaGraphAddMemcpyNode1D(cudaGraphNode_t* node, cudaGraph_t graph,
                                     const cudaGraphNode_t* before, std::size_t count, void* to,
                                     const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return add_node(graph, before, count, nullptr, copy_work(to, from, bytes, kind), node);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* ready, cudaGraph_t graph, unsigned long long) {
  auto made = std::make_unique<EmulatedGraph>();
  for (const auto& node : graph->nodes)
    made->nodes.push_back(std::make_unique<EmulatedNode>(*node));
  made->place = graph->place;
  *ready = made.release();
  ++gpu().counts.graphs;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t ready) {
  delete ready;
  return cudaSuccess;
}
cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t ready, cudaGraphNode_t node,
                                             const cudaKernelNodeParams* p) {
  return replace_node(
      ready, node, p->func,
      kernel_work(p->func, p->gridDim, p->blockDim, p->sharedMemBytes, p->kernelParams));
}
cudaError_t cudaGraphExecMemcpyNodeSetParams1D(cudaGraphExec_t ready, cudaGraphNode_t node,
                                               void* to, const void* from, std::size_t bytes,
                                               cudaMemcpyKind kind) {
  return replace_node(ready, node, nullptr, copy_work(to, from, bytes, kind));
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t ready, cudaStream_t stream) {
  ++gpu().counts.replayed;
  for (const auto& node : ready->nodes) stream->waiting.push_back(node->work);
  return cudaSuccess;
}
