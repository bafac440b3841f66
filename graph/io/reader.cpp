// The registry of formats, filled before main by the readers' registrations.
#include "graph/io/reader.h"

#include <map>
#include <utility>

#include "kernels/check.h"

namespace chorale {
namespace {

// Filled before main by the registrations, read-only afterwards.
std::map<std::string, std::unique_ptr<Reader>, std::less<>>& registry() {
  static std::map<std::string, std::unique_ptr<Reader>, std::less<>> readers;
  return readers;
}

}  // namespace

ReaderRegistration::ReaderRegistration(std::string name, std::unique_ptr<Reader> reader) {
  const bool added = registry().emplace(name, std::move(reader)).second;
  require(added, "two readers are named \"{}\"", name);
}

std::vector<std::string> reader_names() {
  std::vector<std::string> names;
  for (const auto& [name, reader] : registry()) names.push_back(name);
  return names;
}

const Reader& find_reader(std::string_view format) {
  const auto found = registry().find(format);
  if (found == registry().end()) {
    std::string known;
    for (const std::string& name : reader_names()) known += (known.empty() ? "" : ", ") + name;
    throw Error(Exit::usage, fmt::format("found format \"{}\", expected one of: {}", format, known),
                "choose one with --format");
  }
  return *found->second;
}

}  // namespace chorale
