// The version of the program, as `chorale --version` prints it.
#pragma once

namespace chorale {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace chorale
