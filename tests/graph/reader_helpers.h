// What the tests of readers share: a source of a few small files, what was read of it, and what is
// said about a bad one.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "graph/io/reader.h"
#include "tests/support/temporary_folder.h"

namespace chorale {

using Files = std::map<std::string, std::string>;
using IdPairs = std::vector<std::pair<Index, Index>>;

inline RawData read_files(const std::string& format, const Files& files) {
  const TemporaryFolder folder;
  for (const auto& [name, text] : files) write_text(folder / name, text);
  return find_reader(format).read(folder.path());
}

inline IdPairs pairs_of(const InteractionList& list) {
  IdPairs result;
  for (std::size_t i = 0; i < list.users.size(); ++i) {
    result.emplace_back(list.users[i], list.items[i]);
  }
  return result;
}

// What the report says of `what`; 0 if nothing.
inline Index reported(const RawData& data, const std::string& what) {
  Index found = 0;
  for (const ReportLine& line : data.report) found += line.what == what ? line.count : 0;
  return found;
}

// The message about a source of these files, without the folder's name.
inline std::string complaint_about(const std::string& format, const Files& files) {
  const TemporaryFolder folder;
  for (const auto& [name, text] : files) write_text(folder / name, text);
  const Error error = error_of([&] { find_reader(format).read(folder.path()); });
  BOOST_TEST((error.code() == Exit::data));
  BOOST_TEST(!error.hint().empty());
  const std::string message = error.what(), start = folder.path().string() + "/";
  return message.starts_with(start) ? message.substr(start.size()) : message;
}

}  // namespace chorale
