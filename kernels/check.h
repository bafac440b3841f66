// Errors. A user's mistake is an Error with the documented exit code, a message that says where,
// what was found and what was expected, and a hint; a programmer's mistake is a failed `require`,
// which adds its place.
#pragma once

#include <fmt/format.h>

#include <source_location>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace chorale {

// The exit codes of the program, documented in docs/command-line.md.
enum class Exit {
  finished = 0,
  internal = 1,     // a bug in Chorale
  usage = 2,        // command line or configuration
  data = 3,         // malformed or inconsistent input data
  environment = 4,  // MPI, GPU or driver
  checkpoint = 5,   // no valid checkpoint
  non_finite = 6,   // NaN or infinity in training
  io = 7,           // disk full, permission
  peer_lost = 8,    // a rank hangs or died
  stopped = 75,     // stopped on request with a checkpoint; run again to continue
};

class Error : public std::runtime_error {
 public:
  Error(Exit code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  Exit code() const { return code_; }
  const std::string& hint() const { return hint_; }

 private:
  Exit code_;
  std::string hint_;
};

// A format string that remembers where it was written.
template <class... Args>
struct PlacedFormat {
  fmt::format_string<Args...> text;
  std::source_location place;

  template <class S>
  consteval PlacedFormat(const S& s,  // NOLINT: implicit by design
                         std::source_location p = std::source_location::current())
      : text(s), place(p) {}
};

// The name of this host, for messages.
std::string host_name();

[[noreturn]] void fail_requirement(const std::string& message, const std::source_location& place);

// Throws Error (Exit::internal) naming the caller's place when a precondition does not hold.
template <class... Args>
void require(bool holds, PlacedFormat<std::type_identity_t<Args>...> format, Args&&... args) {
  if (!holds) [[unlikely]] {
    fail_requirement(fmt::format(format.text, std::forward<Args>(args)...), format.place);
  }
}

// Throws Error with this exit code when a user's input is not acceptable.
template <class... Args>
void require_user(bool holds, Exit code, const std::string& hint,
                  fmt::format_string<Args...> format, Args&&... args) {
  if (!holds) [[unlikely]] {
    throw Error(code, fmt::format(format, std::forward<Args>(args)...), hint);
  }
}

}  // namespace chorale
