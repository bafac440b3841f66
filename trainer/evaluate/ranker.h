// Ranked lists of items for the users whose rows this rank owns. Users stay; the items pass by in
// blocks, gathered and broadcast by their owner. The order of a list is strict (score descending,
// then item id ascending) and a score does not depend on its block, so neither ranks nor block
// sizes can show in a list.
//
// Memory: one block of items, one block of users and k places for each user; never users x items.
#pragma once

#include <span>
#include <vector>

#include "comm/communicator.h"
#include "graph/io/dataset.h"
#include "graph/partition.h"
#include "kernels/array.h"
#include "kernels/device.h"

namespace chorale {

// Lists of several users, in host memory, row by row: (users, k), best first; unfilled places hold
// id -1.
struct RankedLists {
  Index k = 0;
  std::vector<Real> scores;
  std::vector<Index> items;

  std::span<const Real> scores_of(Index i) const { return std::span(scores).subspan(at(i), at(1)); }
  std::span<const Index> items_of(Index i) const { return std::span(items).subspan(at(i), at(1)); }

 private:
  std::size_t at(Index i) const { return static_cast<std::size_t>(i * k); }
};

class Ranker {
 public:
  Ranker(Device& device, Communicator& comm, const Dataset& dataset, const Partition& nodes,
         Index users_per_block);

  // The k best items of each of these users, which this rank owns; fewer places if there are fewer
  // items.
  //   vectors:(local rows, d) rows over the nodes   users: ids
  // Collective: a rank without users calls it too. Throws Error (Exit::non_finite) on all ranks if
  // a score is NaN.
  RankedLists rank(ConstView vectors, std::span<const Index> users, Index k,
                   bool exclude_seen) const;
  // Takes the memory that ranking for n users of this rank takes on the device, at most, and gives
  // it back: for a plan, which has no vectors to rank.
  void plan(Index cols, Index n, Index k) const;

 private:
  struct Seen;
  // Items of one owner, by their places in item_ids_.
  struct Block {
    int owner;
    Index first, last;
  };

  Array<LocalIndex> local_rows_of(std::span<const Index> users) const;
  // The vectors of a block of items on every rank, in `buffer`. Collective.
  View fetch(const Block& block, ConstView vectors, const Array<Real>& buffer) const;
  // Lists are sorted NaN first, so the first place tells.
  void refuse_nan(std::span<const Index> users, const RankedLists& lists) const;

  Device& device_;
  Communicator& comm_;
  Dataset dataset_;
  Partition nodes_;
  Index users_per_block_;
  std::vector<Block> blocks_;
  Array<Index> item_ids_;             // (items) by ascending row: an item's index here is its place
  std::vector<LocalIndex> place_of_;  // (items) the inverse
  Array<LocalIndex> own_items_;       // local rows of this rank's items, by ascending place
};

}  // namespace chorale
