// The byte verbs for arrays of T, and the small host conversations built from them.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include "comm/communicator.h"

namespace chorale {

template <class T>
std::vector<Index> counts_in_bytes(Counts elements) {
  std::vector<Index> bytes(elements.begin(), elements.end());
  for (Index& b : bytes) b *= static_cast<Index>(sizeof(T));
  return bytes;
}

// all_to_all for elements of T; counts in elements.
template <class T>
Request all_to_all(Communicator& comm, std::span<const T> send, Counts sent, std::span<T> recv,
                   Counts received) {
  static_assert(std::is_trivially_copyable_v<T>);
  return comm.all_to_all(std::as_bytes(send), counts_in_bytes<T>(sent),
                         std::as_writable_bytes(recv), counts_in_bytes<T>(received));
}

// How many elements every rank will send here, given how many this rank sends to each. Host.
// Collective.
inline std::vector<Index> exchange_counts(Communicator& host, Counts sent) {
  std::vector<Index> received(sent.size());
  const std::vector<Index> one(sent.size(), 1);
  all_to_all<Index>(host, sent, one, received, one).wait();
  return received;
}

// Everything every rank brings, concatenated in rank order. Host. Collective.
template <class T>
std::vector<T> gather_all(Communicator& host, std::span<const T> mine) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto ranks = static_cast<std::size_t>(host.size());
  std::vector<Index> each(ranks);
  const Index count = static_cast<Index>(mine.size_bytes());
  const std::vector<Index> word(ranks, sizeof(Index));
  host.all_gather(std::as_bytes(std::span(&count, 1)), std::as_writable_bytes(std::span(each)),
                  word)
      .wait();
  std::vector<T> all(static_cast<std::size_t>(std::accumulate(each.begin(), each.end(), Index{0})) /
                     sizeof(T));
  host.all_gather(std::as_bytes(mine), std::as_writable_bytes(std::span(all)), each).wait();
  return all;
}

// The largest of the ranks' values. Host. Collective.
template <class T>
T agree_max(Communicator& host, T mine) {
  const std::vector<T> all = gather_all<T>(host, std::span<const T>(&mine, 1));
  return *std::max_element(all.begin(), all.end());
}

// The root's string. Host. Collective.
inline std::string broadcast_string(Communicator& host, std::string text, int root = 0) {
  Index size = static_cast<Index>(text.size());
  host.broadcast(std::as_writable_bytes(std::span(&size, 1)), root).wait();
  text.resize(static_cast<std::size_t>(size));
  host.broadcast(std::as_writable_bytes(std::span(text.data(), text.size())), root).wait();
  return text;
}

}  // namespace chorale
