#include "tests/bench/gpu_evaluation.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "configs/schema/config.pb.h"
#include "trainer/evaluate/evaluator.h"

namespace chorale::bench {

double evaluation_ms(Device& device, Communicator& comm, const Dataset& dataset,
                     const Partition& nodes, ConstView vectors) {
  const v1::Evaluate defaults;
  Evaluator evaluator(device, comm, dataset, nodes, {{20}, defaults.users_per_block()});
  evaluator.evaluate(vectors, Split::test);  // prepares and warms
  std::array<double, 7> ms{};
  for (double& m : ms) {
    const auto start = std::chrono::steady_clock::now();
    evaluator.evaluate(vectors, Split::test);
    m = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  std::ranges::nth_element(ms, ms.begin() + ms.size() / 2);
  return ms[ms.size() / 2];
}

}  // namespace chorale::bench
