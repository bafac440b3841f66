#include "graph/row_exchange.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "comm/bytes.h"
#include "comm/typed.h"
#include "graph/stable_order.h"
#include "kernels/check.h"

namespace chorale {
namespace {

constexpr Index kMostIds = std::numeric_limits<LocalIndex>::max();

Bytes bytes_of(ConstView x) {
  return std::as_bytes(std::span(x.data, static_cast<std::size_t>(x.size())));
}

MutableBytes bytes_of(View x) {
  return std::as_writable_bytes(std::span(x.data, static_cast<std::size_t>(x.size())));
}

std::vector<Index> bytes_of_rows(Counts rows, Index cols, std::size_t size = sizeof(Real)) {
  std::vector<Index> bytes(rows.begin(), rows.end());
  for (Index& b : bytes) b *= cols * static_cast<Index>(size);
  return bytes;
}

// What lies between rows travels with them.
MutableBytes bytes_of(Bf16View x) {
  return std::as_writable_bytes(std::span(x.data, static_cast<std::size_t>(x.rows * x.stride)));
}

bool all_inside(std::span<const Index> wanted, Index rows) {
  return std::all_of(wanted.begin(), wanted.end(), [&](Index w) { return 0 <= w && w < rows; });
}

// The owner of each wanted row.
std::vector<int> owners_of(const Partition& partition, std::span<const Index> wanted) {
  std::vector<int> owners(wanted.size());
  std::transform(wanted.begin(), wanted.end(), owners.begin(),
                 [&](Index row) { return partition.owner(row); });
  return owners;
}

// The values in device memory: in `own`, or in the arena if there is one.
template <class T>
std::span<const T> on_device(Device& device, Arena* arena, Array<T>& own, std::span<const T> host) {
  if (arena == nullptr) {
    own = Array<T>(device, host);
    return own.span();
  }
  T* memory = static_cast<T*>(arena->take(host.size_bytes()));
  if (!host.empty()) device.upload(memory, host.data(), host.size_bytes());
  return {memory, host.size()};
}

}  // namespace

RowExchange::RowExchange(Device& device, Communicator& comm, const Partition& partition,
                         std::span<const Index> wanted)
    : device_(&device), comm_(&comm), wanted_(static_cast<Index>(wanted.size())) {
  build(nullptr, partition, wanted, {});
}

RowExchange::RowExchange(Arena& arena, Communicator& comm, const Partition& partition,
                         std::span<const Index> wanted, const PlaceRows& place)
    : device_(&arena.device()), comm_(&comm), wanted_(static_cast<Index>(wanted.size())) {
  build(&arena, partition, wanted, place);
}

void RowExchange::build(Arena* arena, const Partition& partition, std::span<const Index> wanted,
                        const PlaceRows& place) {
  std::vector<LocalIndex> ids;
  if (is_local()) {
    require(all_inside(wanted, partition.rows()), "row exchange: a row outside [0, {}) is wanted",
            partition.rows());
    ids.reserve(4 * wanted.size());
    ids.assign(wanted.begin(), wanted.end());
    served_ = wanted_;
  } else {
    route(partition, wanted, ids);
  }
  const std::span<LocalIndex> served = std::span(ids).first(static_cast<std::size_t>(served_));
  build_segments(arena, place ? place(served) : partition.local_rows(), ids);
}

void RowExchange::route(const Partition& partition, std::span<const Index> wanted,
                        std::vector<LocalIndex>& ids) {
  const auto ranks = static_cast<std::size_t>(comm_->size());
  const bool acceptable = wanted_ <= kMostIds && all_inside(wanted, partition.rows());
  // A count of -1 tells everybody that this rank's list is not acceptable, so that all ranks throw.
  asked_of_.assign(ranks, acceptable ? 0 : -1);
  std::vector<int> owners;
  if (acceptable) {
    owners = owners_of(partition, wanted);
    for (const int owner : owners) ++asked_of_[static_cast<std::size_t>(owner)];
    is_grouped_ = std::is_sorted(owners.begin(), owners.end());
  }
  Communicator& host = comm_->host();
  asked_by_ = exchange_counts(host, asked_of_);
  for (std::size_t r = 0; r < ranks; ++r) {
    require(asked_by_[r] >= 0, "row exchange: rank {} wants a row outside [0, {})", r,
            partition.rows());
  }
  served_ = total_of(asked_by_);
  require(served_ <= kMostIds, "row exchange: {} rows are wanted of rank {}", served_,
          comm_->rank());

  const std::size_t n = wanted.size();
  const auto served = static_cast<std::size_t>(served_);
  ids.reserve(4 * served + 2 * n);
  ids.resize(served + (is_grouped_ ? 0 : 2 * n));
  std::vector<LocalIndex> asked(n);
  std::vector<Index> next = offsets_of(asked_of_);
  for (std::size_t i = 0; i < n; ++i) {
    const int owner = owners[i];
    const Index place = next[static_cast<std::size_t>(owner)]++;
    asked[static_cast<std::size_t>(place)] =
        static_cast<LocalIndex>(wanted[i] - partition.first(owner));
    if (!is_grouped_) {
      ids[served + i] = static_cast<LocalIndex>(place);
      ids[served + n + static_cast<std::size_t>(place)] = static_cast<LocalIndex>(i);
    }
  }
  all_to_all<LocalIndex>(host, asked, asked_of_, std::span(ids).first(served), asked_by_).wait();
}

void RowExchange::build_segments(Arena* arena, Index local_rows, std::vector<LocalIndex>& ids) {
  const auto served = static_cast<std::size_t>(served_);
  const std::size_t order_at = ids.size();
  ids.resize(order_at + served);
  const std::span<LocalIndex> order = std::span(ids).subspan(order_at);
  stable_order(std::span(ids).first(served), local_rows, order);

  std::vector<Index> begin;
  begin.reserve(served + 1);
  const std::size_t rows_at = ids.size();
  for (std::size_t j = 0; j < served; ++j) {
    const LocalIndex row = ids[static_cast<std::size_t>(ids[order_at + j])];
    if (j > 0 && row == ids.back()) continue;
    begin.push_back(static_cast<Index>(j));
    ids.push_back(row);
  }
  const std::size_t touched = begin.size();
  begin.push_back(served_);
  ids.resize(rows_at + 2 * touched);
  std::iota(ids.begin() + static_cast<std::ptrdiff_t>(rows_at + touched), ids.end(), LocalIndex{0});

  const Rows all = on_device<LocalIndex>(*device_, arena, own_ids_, ids);
  const std::span<const Index> begin_on_device =
      on_device<Index>(*device_, arena, own_begin_, begin);
  const std::size_t n = is_grouped_ ? 0 : static_cast<std::size_t>(wanted_);
  send_rows_ = all.first(served);
  arrival_ = all.subspan(served, n);
  departure_ = all.subspan(served + n, n);
  counting_ = all.subspan(rows_at + touched, touched);
  segments_ = {.rows = all.subspan(rows_at, touched),
               .begin = begin_on_device.data(),
               .order = all.data() + order_at,
               .entries = served_};
  if (arena == nullptr) return;
  host_ids_ = std::move(ids);
  host_begin_ = std::move(begin);
  host_touched_ = std::span(host_ids_).subspan(rows_at, touched);
  host_order_ = std::span(host_ids_).subspan(order_at, served);
}

RowExchange RowExchange::within(Arena& arena, std::span<const LocalIndex> held) const {
  return {*this, arena, held};
}

RowExchange::RowExchange(const RowExchange& other, Arena& arena, std::span<const LocalIndex> held)
    : device_(other.device_),
      comm_(other.comm_),
      wanted_(other.wanted_),
      served_(other.served_),
      is_grouped_(other.is_grouped_),
      asked_of_(other.asked_of_),
      asked_by_(other.asked_by_),
      arrival_(other.arrival_),
      departure_(other.departure_),
      counting_(other.counting_),
      segments_(other.segments_) {
  require(!other.host_begin_.empty(), "row exchange: only the lookups of a step can be narrowed");
  const auto served = static_cast<std::size_t>(served_);
  std::vector<LocalIndex> places(served + other.host_touched_.size());
  auto place = held.begin();
  for (std::size_t s = 0; s < other.host_touched_.size(); ++s) {
    while (place != held.end() && *place < other.host_touched_[s]) ++place;
    require(place != held.end() && *place == other.host_touched_[s],
            "row exchange: row {} is wanted and not held", other.host_touched_[s]);
    places[served + s] = static_cast<LocalIndex>(place - held.begin());
    for (Index j = other.host_begin_[s]; j < other.host_begin_[s + 1]; ++j) {
      const LocalIndex arrival = other.host_order_[static_cast<std::size_t>(j)];
      places[static_cast<std::size_t>(arrival)] = places[served + s];
    }
  }
  const Rows all = on_device<LocalIndex>(*device_, &arena, own_ids_, places);
  send_rows_ = all.first(served);
  segments_.rows = all.subspan(served);
}

void RowExchange::pull(Arena& arena, ConstView x, View y) const {
  require(y.rows == wanted_ && x.cols == y.cols, "pull: x ({}, {}), y ({}, {}), {} rows wanted",
          x.rows, x.cols, y.rows, y.cols, wanted_);
  const Kernels& k = device_->kernels();
  if (is_local()) {
    k.gather_rows(x, send_rows_, y);
    return;
  }
  const Index d = y.cols;
  const bool straight = is_grouped_ && y.is_contiguous();
  const View sent = arena.take_view(served_, d);
  const View arrived = straight ? View(y.data, wanted_, d) : arena.take_view(wanted_, d);
  k.gather_rows(x, send_rows_, sent);
  comm_
      ->all_to_all(bytes_of(ConstView(sent)), bytes_of_rows(asked_by_, d), bytes_of(arrived),
                   bytes_of_rows(asked_of_, d))
      .wait();
  if (!straight) {
    if (is_grouped_) {
      k.copy(arrived, y);
    } else {
      k.gather_rows(arrived, arrival_, y);
    }
    arena.give_back(arrived);
  }
  arena.give_back(sent);
}

void RowExchange::pull(Arena& arena, ConstBf16View x, Bf16View y) const {
  require(y.rows == wanted_ && x.cols == y.cols && is_grouped_,
          "pull: x ({}, {}), y ({}, {}) in bf16, {} rows wanted{}", x.rows, x.cols, y.rows, y.cols,
          wanted_, is_grouped_ ? "" : ", not in the order of owners");
  const Kernels& k = device_->kernels();
  if (is_local()) return k.gather_bf16(x, send_rows_, y);
  const Bf16View sent = arena.take_bf16(served_, x.cols);
  require(sent.stride == y.stride, "pull: rows in bf16 stand {} apart, expected {}", y.stride,
          sent.stride);
  k.gather_bf16(x, send_rows_, sent);
  comm_
      ->all_to_all(bytes_of(sent), bytes_of_rows(asked_by_, sent.stride, sizeof(Bf16)), bytes_of(y),
                   bytes_of_rows(asked_of_, y.stride, sizeof(Bf16)))
      .wait();
  arena.give_back(sent);
}

View RowExchange::collect(Arena& arena, ConstView y) const {
  const Kernels& k = device_->kernels();
  const Index d = y.cols;
  const bool straight = is_grouped_ && y.is_contiguous();
  const View collected = arena.take_view(served_, d);
  const View grouped = straight ? View() : arena.take_view(wanted_, d);
  if (!straight && is_grouped_) k.copy(y, grouped);
  if (!is_grouped_) k.gather_rows(y, departure_, grouped);
  comm_
      ->all_to_all(bytes_of(straight ? ConstView(y.data, wanted_, d) : ConstView(grouped)),
                   bytes_of_rows(asked_of_, d), bytes_of(collected), bytes_of_rows(asked_by_, d))
      .wait();
  arena.give_back(grouped);
  return collected;
}

void RowExchange::push_add(Arena& arena, ConstView y, View x) const {
  require(y.rows == wanted_ && x.cols == y.cols, "push: y ({}, {}), x ({}, {}), {} rows wanted",
          y.rows, y.cols, x.rows, x.cols, wanted_);
  add_collected(arena, y, segments_, x);
}

void RowExchange::push(Arena& arena, ConstView y, View sums) const {
  require(
      y.rows == wanted_ && sums.rows == static_cast<Index>(counting_.size()) && sums.cols == y.cols,
      "push: y ({}, {}), sums ({}, {}), {} rows wanted, {} touched", y.rows, y.cols, sums.rows,
      sums.cols, wanted_, counting_.size());
  device_->kernels().fill(0, sums);
  Segments dense = segments_;
  dense.rows = counting_;
  add_collected(arena, y, dense, sums);
}

void RowExchange::add_collected(Arena& arena, ConstView y, const Segments& segments, View x) const {
  const Kernels& k = device_->kernels();
  if (is_local()) {
    k.add_segments(y, segments, x);
    return;
  }
  const View collected = collect(arena, y);
  k.add_segments(collected, segments, x);
  arena.give_back(collected);
}

}  // namespace chorale
