#include "kernels/check.h"

namespace chorale {

void fail_requirement(const std::string& message, const std::source_location& place) {
  throw Error(Exit::internal, fmt::format("{} [{}:{}]", message, place.file_name(), place.line()),
              "this is a bug in Chorale; please report it with the command and the configuration");
}

}  // namespace chorale
