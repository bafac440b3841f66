// Blocks of items against blocks of users; see ranker.h.
#include "trainer/evaluate/ranker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "comm/typed.h"
#include "kernels/check.h"

namespace chorale {
namespace {

// Large enough to keep a matrix product busy, small enough for the cache: 1 MiB of items at d = 64.
constexpr Index kItemsPerBlock = 4096;

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

View matrix(const Array<Real>& buffer, Index rows, Index cols) {
  return {buffer.data(), rows, cols};
}

// The k best of each user, growing on the device, and what a block of items is scored with.
struct Workspace {
  Workspace(Device& device, Index users, Index k_places, Index users_at_once, Index items,
            Index cols)
      : k(std::min(k_places, items)),
        scores(device, users * k),
        ids(device, users * k),
        item_vectors(device, std::min(kItemsPerBlock, items) * cols),
        user_vectors(device, std::min(users_at_once, users) * cols) {}
  TopK of(Index first, Index last) const {
    return {last - first, k, scores.data() + first * k, ids.data() + first * k};
  }

  Index k;
  Array<Real> scores;
  Array<Index> ids;
  Array<Real> item_vectors, user_vectors;
};

}  // namespace

// What is not to be ranked: for each user the places of its training items, ascending. Blocks come
// in ascending place as well, so one cursor per user walks its list once.
struct Ranker::Seen {
  Seen(const Ranker& ranker, std::span<const Index> users, bool exclude) : begin{0} {
    for (const Index user : users) {
      const auto items =
          exclude ? ranker.dataset_.items_of(Split::train, user) : std::span<const std::int32_t>{};
      for (const std::int32_t item : items) places.push_back(ranker.place_of_[size(item)]);
      std::sort(places.begin() + begin.back(), places.end());
      begin.push_back(static_cast<Index>(places.size()));
    }
    cursor.assign(begin.begin(), begin.end() - 1);
  }

  // Those within [first, last), relative to first. Called for ascending, adjoining blocks.
  void advance(Index first, Index last, std::vector<Index>& masked_begin,
               std::vector<LocalIndex>& masked) {
    masked_begin.assign(1, 0);
    masked.clear();
    for (std::size_t i = 0; i < cursor.size(); ++i) {
      for (; cursor[i] < begin[i + 1] && places[size(cursor[i])] < last; ++cursor[i]) {
        masked.push_back(static_cast<LocalIndex>(places[size(cursor[i])] - first));
      }
      masked_begin.push_back(static_cast<Index>(masked.size()));
    }
  }

  std::vector<Index> begin;  // (users + 1)
  std::vector<LocalIndex> places;
  std::vector<Index> cursor;  // (users)
};

Ranker::Ranker(Device& device, Communicator& comm, const Dataset& dataset, const Partition& nodes,
               Index users_per_block)
    : device_(device),
      comm_(comm),
      dataset_(dataset),
      nodes_(nodes),
      users_per_block_(users_per_block) {
  require(nodes.rows() == dataset.nodes(), "ranker: {} rows for {} nodes", nodes.rows(),
          dataset.nodes());
  require(users_per_block > 0, "ranker: users_per_block is {}", users_per_block);
  std::vector<Index> ids;
  std::vector<LocalIndex> own_rows;
  place_of_.resize(size(dataset.items()));
  for (int owner = 0; owner < nodes.lanes().ranks; ++owner) {
    const Index begin = static_cast<Index>(ids.size());
    for (Index row = nodes.first(owner); row < nodes.first(owner + 1); ++row) {
      const Index node = dataset.node_of_row(row);
      if (!dataset.is_item(node)) continue;
      if (nodes.owns(row)) own_rows.push_back(static_cast<LocalIndex>(row - nodes.first()));
      place_of_[size(node - dataset.users())] = static_cast<LocalIndex>(ids.size());
      ids.push_back(node - dataset.users());
    }
    const Index end = static_cast<Index>(ids.size());
    for (Index first = begin; first < end; first += kItemsPerBlock) {
      blocks_.push_back({owner, first, std::min(first + kItemsPerBlock, end)});
    }
  }
  item_ids_ = Array<Index>(device, ids);
  own_items_ = Array<LocalIndex>(device, own_rows);
}

RankedLists Ranker::rank(ConstView vectors, std::span<const Index> users, Index k,
                         bool exclude_seen) const {
  require(vectors.rows == nodes_.local_rows(), "ranker: {} vectors for {} rows", vectors.rows,
          nodes_.local_rows());
  const Index n = static_cast<Index>(users.size());
  const Index d = vectors.cols;
  const Array<LocalIndex> rows = local_rows_of(users);
  Workspace work(device_, n, k, users_per_block_, dataset_.items(), d);
  device_.kernels().fill(-std::numeric_limits<Real>::infinity(), matrix(work.scores, n, work.k));
  work.ids.upload(std::vector<Index>(size(n * work.k), -1));
  Seen seen(*this, users, exclude_seen);
  std::vector<Index> masked_begin;
  std::vector<LocalIndex> masked;

  for (const Block& block : blocks_) {
    const View items = fetch(block, vectors, work.item_vectors);
    seen.advance(block.first, block.last, masked_begin, masked);
    const Array<Index> mask_begin(device_, masked_begin);
    const Array<LocalIndex> mask_items(device_, masked);
    for (Index first = 0; first < n; first += users_per_block_) {
      const Index last = std::min(first + users_per_block_, n);
      const View queries = matrix(work.user_vectors, last - first, d);
      device_.kernels().gather_rows(vectors, rows.span().subspan(size(first), size(last - first)),
                                    queries);
      device_.kernels().update_top_k(queries, items, item_ids_.data() + block.first,
                                     {mask_begin.data() + first, mask_items.data()},
                                     work.of(first, last));
    }
  }
  RankedLists lists{work.k, work.scores.download(), work.ids.download()};
  refuse_nan(users, lists);
  return lists;
}

void Ranker::plan(Index cols, Index n, Index k) const {
  std::vector<Index> seen_at(place_of_.size());
  for (Index item = 0; item < dataset_.items(); ++item) {
    seen_at[size(place_of_[size(item)])] = std::ssize(dataset_.users_of(item));
  }
  Index most_seen = 0;
  for (const Block& block : blocks_) {
    const Index seen =
        std::accumulate(seen_at.begin() + block.first, seen_at.begin() + block.last, Index{0});
    most_seen = std::max(most_seen, seen);
  }
  const Array<LocalIndex> rows(device_, n);
  const Workspace work(device_, n, k, users_per_block_, dataset_.items(), cols);
  const Array<Index> mask_begin(device_, n + 1);
  const Array<LocalIndex> mask_items(device_, most_seen);
}

Array<LocalIndex> Ranker::local_rows_of(std::span<const Index> users) const {
  std::vector<LocalIndex> rows;
  for (const Index user : users) {
    const Index row = dataset_.row_of_user(user);
    require(nodes_.owns(row), "ranker: user {} belongs to another rank", user);
    rows.push_back(static_cast<LocalIndex>(row - nodes_.first()));
  }
  return Array<LocalIndex>(device_, rows);
}

View Ranker::fetch(const Block& block, ConstView vectors, const Array<Real>& buffer) const {
  const View items = matrix(buffer, block.last - block.first, vectors.cols);
  if (block.owner == nodes_.lanes().rank) {
    // Places of one owner are consecutive: its first is that of its first block.
    const auto mine = std::find_if(blocks_.begin(), blocks_.end(),
                                   [&](const Block& b) { return b.owner == block.owner; });
    const auto rows = own_items_.span().subspan(size(block.first - mine->first), size(items.rows));
    device_.kernels().gather_rows(vectors, rows, items);
  }
  comm_.broadcast(std::as_writable_bytes(std::span(items.data, size(items.size()))), block.owner)
      .wait();
  return items;
}

void Ranker::refuse_nan(std::span<const Index> users, const RankedLists& lists) const {
  Index bad = dataset_.users();  // the lowest id, so that all ranks name the same user
  for (std::size_t i = 0; i < users.size() && lists.k > 0; ++i) {
    if (std::isnan(lists.scores_of(static_cast<Index>(i)).front())) bad = std::min(bad, users[i]);
  }
  bad = -agree_max(comm_.host(), -bad);
  if (bad == dataset_.users()) return;
  throw Error(Exit::non_finite,
              fmt::format("a score of user {} is not a number", dataset_.user_name(bad)),
              "the vectors hold NaN or infinity: lower the learning rate and resume from the last "
              "checkpoint");
}

}  // namespace chorale
