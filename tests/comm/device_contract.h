// What a communicator of device memory promises beyond communicator_contract.h: its place in the
// order of the device's work, and that it asks for nothing in the steady state. Throws like it.
#pragma once

#include <vector>

#include "comm/communicator.h"
#include "kernels/array.h"
#include "kernels/check.h"

namespace chorale::contract {

// Sent is what the work enqueued before makes of the buffer; work enqueued after the wait finds
// what arrived.
inline void a_verb_stands_in_the_order_of_the_stream(Device& device, Communicator& comm) {
  const Array<Real> x(device, 3), y(device, 3 * comm.size());
  const View mine(x.data(), 1, 3), all(y.data(), 1, y.size());
  const std::vector<Index> each(static_cast<std::size_t>(comm.size()), 3 * sizeof(Real));

  device.kernels().fill(static_cast<Real>(comm.rank() + 1), mine);
  comm.all_gather(std::as_bytes(x.span()), std::as_writable_bytes(y.span()), each).wait();
  device.kernels().scale(10, all);
  device.kernels().fill(0, mine);

  std::vector<Real> expected;
  for (int r = 1; r <= comm.size(); ++r)
    expected.insert(expected.end(), 3, static_cast<Real>(10 * r));
  require(y.download() == expected, "what was gathered on rank {}", comm.rank());
}

inline void strided_sums_may_be_under_way_together(Device& device, Communicator& comm) {
  const auto strided = [](const Array<Real>& memory, Index rows) {
    return View(memory.data(), rows, 2, 3);
  };
  const Array<Real> small(device, 3 * 4), large(device, 3 * 500);
  for (const Array<Real>* x : {&small, &large}) {
    device.kernels().fill(1, View(x->data(), 1, x->size()));
  }

  Request first = comm.all_reduce_sum(strided(small, 4));
  Request second = comm.all_reduce_sum(strided(large, 500));
  second.wait();
  first.wait();

  for (const Array<Real>* x : {&small, &large}) {
    const std::vector<Real> found = x->download();
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Real expected = i % 3 == 2 ? Real{1} : static_cast<Real>(comm.size());
      require(found[i] == expected, "entry {} is {}", i, found[i]);
    }
  }
}

inline void nothing_is_allocated_in_the_steady_state(Device& device, Communicator& comm) {
  const Array<Real> x(device, 30);
  device.kernels().fill(0, {x.data(), 1, 30});
  const auto round = [&] { comm.all_reduce_sum({x.data(), 10, 2, 3}).wait(); };
  round();
  const std::uint64_t allocations = device.allocations();

  for (int i = 0; i < 5; ++i) round();

  require(device.allocations() == allocations, "the sixth sum still asks for memory");
}

inline void hold_on_device(Device& device, Communicator& comm) {
  a_verb_stands_in_the_order_of_the_stream(device, comm);
  strided_sums_may_be_under_way_together(device, comm);
  nothing_is_allocated_in_the_steady_state(device, comm);
}

}  // namespace chorale::contract
