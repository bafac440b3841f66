#include "embedding/host_tier.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kernels/check.h"
#include "kernels/plan_device.h"

namespace chorale {
namespace {

template <class T>
std::span<T> part(const Array<T>& array, Index first, Index count) {
  return array.span().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
}

// The ids from `first` on, to their places in `to`.
void upload(Device& device, const std::vector<LocalIndex>& ids, Index first, LocalIndex* to) {
  const std::size_t bytes = (ids.size() - static_cast<std::size_t>(first)) * sizeof(LocalIndex);
  device.upload(to + first, ids.data() + first, bytes);
}

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

std::size_t bytes_of(Index rows, View x) {
  return static_cast<std::size_t>(rows * x.cols) * sizeof(Real);
}

}  // namespace

HostTier::HostTier(Device& device, Index rows, std::vector<LocalIndex> hubs, Index slab)
    : device_(device),
      rows_(rows),
      slab_(slab),
      hubs_(std::move(hubs)),
      hub_ids_(device, std::span<const LocalIndex>(hubs_)),
      place_of_(static_cast<std::size_t>(rows), kNowhere),
      placed_ids_(device, kSlabs * slab),
      from_ids_(device, slab) {
  require(std::ranges::is_sorted(hubs_), "host tier: hubs are not ascending");
  for (std::size_t p = 0; p < hubs_.size(); ++p) place_of(hubs_[p]) = static_cast<LocalIndex>(p);
}

void HostTier::add_column(View on_device, Real initial) {
  require(on_device.rows == places(), "host tier: {} rows for {} places", on_device.rows, places());
  const std::size_t bytes = bytes_of(rows_, on_device);
  auto* memory = static_cast<Real*>(device_.allocate_host(bytes));
  columns_.push_back(
      {on_device, {memory, rows_, on_device.cols}, {memory, Release{&device_, bytes}}});
  device_.kernels().fill(initial, on_device);
  device_.kernels().fill(initial, columns_.back().host);
  forget();
}

bool HostTier::is_hub(LocalIndex row) { return 0 <= place_of(row) && place_of(row) < n_hubs(); }

bool HostTier::is_in(LocalIndex row, int slab) {
  const Index place = place_of(row) - first_place(slab);
  return 0 <= place && place < slab_;
}

void HostTier::begin_step() {
  if (placed_[static_cast<std::size_t>(now_)].empty()) return;
  now_ = (now_ + 1) % kSlabs;
  evict(now_);
  before_ = begun_;
  begun_ = device_.mark();
}

void HostTier::evict(int slab) {
  std::vector<LocalIndex>& placed = placed_[static_cast<std::size_t>(slab)];
  for (const LocalIndex row : placed) {
    if (is_in(row, slab)) place_of(row) = kNowhere;  // otherwise it has moved on
  }
  placed.clear();
}

void HostTier::forget() {
  for (int slab = 0; slab < kSlabs; ++slab) evict(slab);
  before_ = begun_ = device_.mark();
}

void HostTier::admit(LocalIndex row) {
  std::vector<LocalIndex>& placed = placed_[static_cast<std::size_t>(now_)];
  const auto count = static_cast<Index>(placed.size());
  require(count < slab_, "host tier: a step looks up more than {} rows", slab_);
  place_of(row) = static_cast<LocalIndex>(first_place(now_) + count);
  placed.push_back(row);
}

Index HostTier::place(std::span<LocalIndex> rows) {
  const std::vector<LocalIndex>& placed = placed_[static_cast<std::size_t>(now_)];
  const auto first = static_cast<Index>(placed.size());
  const int last_slab = (now_ + kSlabs - 1) % kSlabs;
  from_.clear();
  for (const LocalIndex row : rows) {
    if (!is_in(row, last_slab)) continue;
    from_.push_back(static_cast<LocalIndex>(place_of(row) - first_place(last_slab)));
    admit(row);
  }
  const auto fetched = static_cast<Index>(placed.size());
  for (const LocalIndex row : rows) {
    if (!is_hub(row) && !is_in(row, now_)) admit(row);
  }
  bring(first, fetched);
  for (LocalIndex& row : rows) row = place_of(row);
  return places();
}

void HostTier::bring(Index first, Index fetched) {
  const std::vector<LocalIndex>& placed = placed_[static_cast<std::size_t>(now_)];
  const auto end = static_cast<Index>(placed.size());
  const Index slab = now_ * slab_, begin = first_place(now_);
  const Index before = first_place((now_ + kSlabs - 1) % kSlabs);
  const Kernels& k = device_.kernels();
  if (first < end) {
    device_.begin_aside(before_);
    upload(device_, placed, first, placed_ids_.data() + slab);
    for (const Column& c : columns_) {
      if (fetched == end) break;
      k.gather_rows(c.host, part(placed_ids_, slab + fetched, end - fetched),
                    c.device.row_block(begin + fetched, begin + end));
    }
    device_.end_aside();
  }
  if (first == fetched) return;
  upload(device_, from_, 0, from_ids_.data());
  for (const Column& c : columns_) {
    k.gather_rows(c.device.row_block(before, before + slab_), part(from_ids_, 0, fetched - first),
                  c.device.row_block(begin + first, begin + fetched));
  }
}

void HostTier::write_back() {
  const auto count = static_cast<Index>(placed_[static_cast<std::size_t>(now_)].size());
  if (count == 0) return;
  const Index begin = first_place(now_);
  for (const Column& c : columns_) {
    device_.kernels().scatter_rows(c.device.row_block(begin, begin + count),
                                   part(placed_ids_, now_ * slab_, count), c.host);
  }
}

HostTier::Hubs HostTier::hubs_among(Index first, Index last) const {
  const auto at = [&](Index row) { return std::ranges::lower_bound(hubs_, row) - hubs_.begin(); };
  return {at(first), at(last)};
}

void HostTier::settle(const Column& column, Index first, Index last) {
  const Hubs h = hubs_among(first, last);
  if (h.first == h.last) return;
  device_.kernels().scatter_rows(column.device.row_block(h.first, h.last),
                                 part(hub_ids_, h.first, h.last - h.first), column.host);
}

void HostTier::lift(const Column& column, Index first, Index last) {
  const Hubs h = hubs_among(first, last);
  if (h.first == h.last) return;
  device_.kernels().gather_rows(column.host, part(hub_ids_, h.first, h.last - h.first),
                                column.device.row_block(h.first, h.last));
}

View HostTier::whole(std::size_t column) {
  settle(columns_[column], 0, rows_);
  return columns_[column].host;
}

void HostTier::read(std::size_t column, Index first, Index last, Real* to) {
  if (first == last) return;
  const Column& c = columns_[column];
  const std::size_t bytes = bytes_of(last - first, c.host);
  settle(c, first, last);
  device_.synchronize();
  if (plan_kind(device_)) {
    std::memset(to, 0, bytes);
  } else {
    std::memcpy(to, c.host.row(first), bytes);
  }
}

void HostTier::write(std::size_t column, Index first, Index last, const Real* from) {
  if (first == last) return;
  const Column& c = columns_[column];
  device_.synchronize();
  if (!plan_kind(device_)) {
    std::memcpy(c.host.row(first), from, bytes_of(last - first, c.host));
  }
  lift(c, first, last);
  forget();
}

namespace {

// The heaviest rows, ascending.
std::vector<LocalIndex> heaviest(std::span<const Index> weights, Index count) {
  std::vector<LocalIndex> rows(weights.size());
  std::iota(rows.begin(), rows.end(), LocalIndex{0});
  const auto weight = [&](LocalIndex row) { return weights[static_cast<std::size_t>(row)]; };
  std::ranges::nth_element(rows, rows.begin() + count, [&](LocalIndex a, LocalIndex b) {
    return weight(a) != weight(b) ? weight(a) > weight(b) : a < b;
  });
  rows.resize(static_cast<std::size_t>(count));
  std::ranges::sort(rows);
  return rows;
}

}  // namespace

std::unique_ptr<HostTier> make_host_tier(Device& device, const Partition& partition,
                                         std::span<const Index> weights, std::size_t bytes_of_row,
                                         const HostTierLimits& limits) {
  if (limits.bytes == 0) return nullptr;
  const auto places = static_cast<Index>(limits.bytes / bytes_of_row);
  Index most = 0;  // rows of a rank
  for (int r = 0; r < partition.lanes().ranks; ++r) {
    most = std::max(most, partition.first(r + 1) - partition.first(r));
  }
  const Index slab = std::min(limits.batch_rows, most), slabs = HostTier::kSlabs * slab;
  require_user(
      most <= places || slabs <= places, Exit::usage,
      fmt::format(
          "give at least {:.3f}, or a smaller train.batch",
          std::ceil(mebibytes(static_cast<std::size_t>(slabs) * bytes_of_row) * 1000) / 1000),
      "run.table_memory: found {:.6g}, but the rows of the batches under way take more",
      mebibytes(limits.bytes));
  const Index rows = partition.local_rows();
  if (rows <= places) return nullptr;
  return std::make_unique<HostTier>(device, rows, heaviest(weights, places - slabs), slab);
}

}  // namespace chorale
