// Times calls on a GPU's stream by events, and prints one line for each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/cuda/queue.h"

namespace chorale::bench {

using Calls = std::vector<std::function<void()>>;

// The median milliseconds of each call, all repeated in turn: 21 times, or as often as fits into a
// few seconds, but three times.
std::vector<double> medians(cuda::Queue& queue, const Calls& calls);

struct Roof {
  std::string name;
  double rate = 0;  // of the unit below, a second
};

struct Line {
  std::string what;
  double ms;
  double amount;     // bytes, operations or exponentials of one call
  std::string unit;  // with a prefix: "GB/s", "TFLOP/s", "Texp/s"
  Roof roof = {};
  double peer_ms = 0;         // of what does the same; 0: there is none
  std::size_t workspace = 0;  // bytes of scratch memory, if they were looked at
};

// From now on each line is also written to this file, as an object of JSON that launch/gpu_table.py
// reads: what, ms, rate, unit, and where there is one roof, roof_rate, peer_ms, workspace.
void print_also_to(const std::string& file);
void print_heading();
void print(const Line& line);

}  // namespace chorale::bench
