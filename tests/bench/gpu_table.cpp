#include "tests/bench/gpu_table.h"

#include <cuda_runtime.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/check.h"
#include "kernels/cuda/cuda_check.h"
#include "tests/bench/gpu_roofs.h"

namespace chorale::bench {
namespace {

constexpr long long kHold = 100'000;  // clocks: the host enqueues a call in less

class Stopwatch {
 public:
  explicit Stopwatch(cuda::Queue& queue) : queue_(queue) {
    cuda::check(cudaEventCreate(&start_), "a call of CUDA");
    cuda::check(cudaEventCreate(&stop_), "a call of CUDA");
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    cudaEventDestroy(start_);
    cudaEventDestroy(stop_);
  }

  double milliseconds(const std::function<void()>& call) {
    auto* stream = static_cast<cudaStream_t>(queue_.stream());
    hold(queue_, kHold);
    cuda::check(cudaEventRecord(start_, stream), "a call of CUDA");
    call();
    cuda::check(cudaEventRecord(stop_, stream), "a call of CUDA");
    cuda::check(cudaEventSynchronize(stop_), "a call of CUDA");
    float ms = 0;
    cuda::check(cudaEventElapsedTime(&ms, start_, stop_), "a call of CUDA");
    return static_cast<double>(ms);
  }

 private:
  cuda::Queue& queue_;
  cudaEvent_t start_ = nullptr, stop_ = nullptr;
};

double prefix_of(const std::string& unit) { return unit.front() == 'T' ? 1e12 : 1e9; }

// Of this program there is one table, and one file at most.
std::ofstream& machine_readable() {
  static std::ofstream file;
  return file;
}

void write(const Line& line, double rate) {
  nlohmann::ordered_json object{
      {"what", line.what}, {"ms", line.ms}, {"rate", rate}, {"unit", line.unit}};
  if (line.roof.rate > 0) {
    object["roof"] = line.roof.name;
    object["roof_rate"] = line.roof.rate / prefix_of(line.unit);
  }
  if (line.peer_ms > 0) object["peer_ms"] = line.peer_ms;
  if (line.workspace > 0) object["workspace"] = line.workspace;
  machine_readable() << object.dump() << std::endl;  // at once: the program may be killed
}

}  // namespace

std::vector<double> medians(cuda::Queue& queue, const Calls& calls) {
  constexpr double kMost = 4000;  // milliseconds, for all repetitions together
  constexpr int kUsual = 21, kFewest = 3;
  Stopwatch watch(queue);
  double once = 0;
  for (const auto& call : calls) {
    watch.milliseconds(call);  // prepares and warms
    once += watch.milliseconds(call);
  }
  const int repetitions =
      std::clamp(static_cast<int>(kMost / std::max(once, 1e-3)), kFewest, kUsual);
  std::vector<std::vector<double>> times(calls.size());
  for (int r = 0; r < repetitions; ++r) {
    for (std::size_t c = 0; c < calls.size(); ++c) {
      times[c].push_back(watch.milliseconds(calls[c]));
    }
  }
  std::vector<double> middle;
  for (std::vector<double>& t : times) {
    std::nth_element(t.begin(), t.begin() + repetitions / 2, t.end());
    middle.push_back(t[static_cast<std::size_t>(repetitions / 2)]);
  }
  return middle;
}

void print_also_to(const std::string& file) {
  machine_readable().open(file);
  require_user(machine_readable().is_open(), Exit::io, "check the path", "cannot write {}", file);
}

void print_heading() {
  fmt::print("{:<44} {:>10} {:>10} {:<8} {:>16} {:>7} {:>8}\n", "what", "ms", "rate", "", "roof",
             "share", "peer/own");
}

void print(const Line& line) {
  const double rate = line.amount / line.ms * 1e3, prefix = prefix_of(line.unit);
  fmt::print("{:<44} {:>10.4f} {:>10.1f} {:<8}", line.what, line.ms, rate / prefix, line.unit);
  if (line.roof.rate > 0) {
    fmt::print(" {:>8} {:>7.1f} {:>6.0f}%", line.roof.name, line.roof.rate / prefix,
               100 * rate / line.roof.rate);
  } else {
    fmt::print(" {:>16} {:>7}", "", "");
  }
  if (line.peer_ms > 0) fmt::print(" {:>7.2f}x", line.peer_ms / line.ms);
  fmt::print("\n");
  if (machine_readable().is_open()) write(line, rate / prefix);
}

}  // namespace chorale::bench
