// Experiments on a CPU, or on a device whose memory the host cannot reach (foreign_device.h).
#pragma once

#include "comm/thread_communicator.h"
#include "tests/support/foreign_device.h"
#include "trainer/experiment.h"

namespace chorale::test {

enum class On { cpu, foreign };

// body(experiment) on every rank of a group.
template <class Body>
void on_ranks(On device, const v1::Config& config, int ranks, const Body& body) {
  run_thread_ranks(ranks, [&](Communicator& comm) {
    if (device == On::cpu) {
      Experiment experiment(config, comm, 1);
      body(experiment);
    } else {
      Experiment experiment(config, comm, staged_platform(make_foreign_device(), comm));
      body(experiment);
    }
  });
}

}  // namespace chorale::test
