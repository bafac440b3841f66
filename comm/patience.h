// How long a rank waits for others before it says so, and before it gives up: a rank that hangs
// would otherwise hang all of them, silently.
#pragma once

#include <chrono>

namespace chorale {

struct Patience {
  std::chrono::milliseconds until_said{60'000};
  std::chrono::milliseconds until_given_up{0};  // 0: never
};

}  // namespace chorale
