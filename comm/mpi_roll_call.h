// Who is late? A rank that has waited long tells ranks 0 and 1 so, again and again; the lower of
// the two that waits itself says of whom it has heard nothing since then. Nothing is sent before
// somebody has waited long.
//
// Of 4 ranks, rank 3 hangs before verb 812, an all_gather. After a minute rank 0 waits there and
// ranks 1 and 2 in verb 811, or there too; all three say "I wait", and a second later rank 0 logs
// "all_gather (call 812): rank 3 of 4 has not come for 61 s".
#pragma once

#include <mpi.h>

#include <chrono>
#include <string>
#include <vector>

#include "comm/patience.h"
#include "comm/timed_communicator.h"

namespace chorale {

class RollCall {
 public:
  // A private duplicate of `group`; `patience` may change until it is waited. Collective.
  RollCall(MPI_Comm group, const Patience& patience);
  RollCall(const RollCall&) = delete;
  RollCall& operator=(const RollCall&) = delete;
  ~RollCall();

  // To be called now and then while this rank waits in its `call`-th verb. Throws Error
  // (Exit::peer_lost) when patience has come to its end.
  void look(Verb verb, Index call);

 private:
  using Clock = std::chrono::steady_clock;

  // What it takes to hear of everybody who waits.
  struct Times {
    std::chrono::milliseconds first, every, told;
  };
  Times times() const;
  void announce();
  void listen();
  std::vector<int> silent_ranks();
  std::string late_ranks();
  void tell(Verb verb, double seconds);

  const Patience& patience_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  Index call_ = -1;  // that is being waited for
  Clock::time_point since_;
  int announced_ = 0;  // how often, in this call
  bool is_told_ = false;
  char word_ = 0;                 // all that is sent
  std::vector<char> is_waiting_;  // who was heard of since the first announcement
};

}  // namespace chorale
