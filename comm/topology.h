// Which GPU each rank takes, and how the ranks' messages travel then.
//
// Example: ranks 0 and 1 run on host a, ranks 2 and 3 on host b, two GPUs each: ranks 0 and 2 take
// GPU 0 of their hosts, ranks 1 and 3 GPU 1, and NCCL carries the messages. With one GPU a host
// each host's two ranks share it, and messages go through the hosts.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"

namespace chorale {

// The number of each rank among the ranks of its host, in rank order.
std::vector<int> local_ranks(std::span<const std::string> hosts);

// What all ranks know of the GPU that one of them takes.
struct Seat {
  std::string host;     // its name
  std::string machine;  // the same for ranks of one host, and for no others
  int gpus = 0;         // that the rank sees
  int ordinal = 0;      // of its own among them
  std::string address;  // of its own on the host's bus
};

// By rank: each takes the GPU of its number among the ranks of its host, and they start again at
// the first when there are more ranks than GPUs. Collective.
std::vector<Seat> take_seats(Communicator& host);

// One that more than one rank takes, if there is any.
std::optional<Seat> shared_seat(std::span<const Seat> seats);

enum class Transport { self, nccl, staged };
// Depends on what all ranks know, so that all choose the same.
Transport choose_transport(std::span<const Seat> seats, bool has_nccl);

// For the log. `nccl`: its version, empty if there is none.
std::string describe(std::span<const Seat> seats, const std::string& nccl);

}  // namespace chorale
