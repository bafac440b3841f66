// What a step lost, on its way from the device to the host, while the next step is enqueued.
#pragma once

#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "comm/lanes.h"
#include "kernels/device.h"

namespace chorale {

class Tally {
 public:
  explicit Tally(Device& device) : landing_(device.make_landing()) {}

  // totals:(local lanes, 1 + names), device memory: the loss and the terms of these names.
  void send(ConstView totals, std::vector<const char*> names);

  struct Sums {
    double loss = 0;
    double extra = 0;
    struct Term {
      const char* name;
      double value;
    };
    std::vector<Term> terms;
  };
  // The sums over all lanes of what was sent last, with the sum over ranks of `extra`. The host
  // waits. Collective.
  Sums receive(Communicator& host, const Lanes& lanes, double extra);

 private:
  std::unique_ptr<Landing> landing_;
  std::vector<const char*> names_;
};

}  // namespace chorale
