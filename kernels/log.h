// Logging, configured once at start. Library code calls info/warn and never asks who it is: rank 0
// shows info on the console, other ranks warnings; with a log folder every rank writes its own
// file.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace chorale {

// The pattern carries time, level and "r<rank>".
void configure_log(int rank, bool quiet = false, bool verbose = false);
// Adds FOLDER/rank-0000.log for this rank.
void add_log_file(const std::string& folder, int rank);

void log_message(int level, const std::string& text);  // 0 debug, 1 info, 2 warning, 3 error

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_message(1, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(2, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_message(0, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace chorale
