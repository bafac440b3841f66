// A decorator that counts calls, bytes sent to other ranks and seconds spent waiting, by verb.
//
// Bytes sent by one of P ranks, as the verb needs them at least, whatever the library does inside:
// all_to_all: what goes to others; all_gather: its own part times P - 1; broadcast: the root the
// whole times P - 1, others 0; all_reduce_sum of n bytes: 2 n (P - 1) / P, a ring's share; barrier:
// 0.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "comm/communicator.h"

namespace chorale {

enum class Verb { all_to_all, all_gather, all_reduce_sum, broadcast, barrier };
inline constexpr int kVerbs = 5;
std::string_view name(Verb verb);

struct CommStatistics {
  struct PerVerb {
    Index calls = 0;
    Index bytes_sent = 0;  // to other ranks; what stays on this rank does not count
    double seconds = 0;    // exposed: in the call and in wait
  };
  std::array<PerVerb, kVerbs> verbs{};
  const PerVerb& operator[](Verb v) const { return verbs[static_cast<std::size_t>(v)]; }
  PerVerb& operator[](Verb v) { return verbs[static_cast<std::size_t>(v)]; }
};

class TimedCommunicator : public Communicator {
 public:
  virtual const CommStatistics& statistics() const = 0;
};

std::unique_ptr<TimedCommunicator> make_timed_communicator(Communicator& inner);

}  // namespace chorale
