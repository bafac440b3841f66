#include "kernels/check.h"

#include <unistd.h>

#include <array>

namespace chorale {

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

void fail_requirement(const std::string& message, const std::source_location& place) {
  throw Error(Exit::internal, fmt::format("{} [{}:{}]", message, place.file_name(), place.line()),
              "this is a bug in Chorale; please report it with the command and the configuration");
}

}  // namespace chorale
