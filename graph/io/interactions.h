// Interactions as lists of ids per user or per item, ascending and distinct: what remains of a
// source's pairs. Here they are grouped, transposed, held out and counted; nothing here knows about
// files or lanes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/io/reader.h"
#include "kernels/view.h"

namespace chorale {

// Row i holds values[begin[i]] .. values[begin[i + 1]].
struct IdLists {
  std::vector<Index> begin{0};
  std::vector<std::int32_t> values;

  Index rows() const { return static_cast<Index>(begin.size()) - 1; }
  Index size() const { return static_cast<Index>(values.size()); }
  Index degree(Index i) const {
    return begin[static_cast<std::size_t>(i) + 1] - begin[static_cast<std::size_t>(i)];
  }
  std::span<const std::int32_t> operator[](Index i) const {
    return std::span(values).subspan(static_cast<std::size_t>(begin[static_cast<std::size_t>(i)]),
                                     static_cast<std::size_t>(degree(i)));
  }
};

struct Grouped {
  IdLists lists;
  Index duplicates = 0;  // pairs dropped because they were there already
};

// The items of each user, ascending, each once. Throws Error (Exit::internal) for an id out of
// range.
Grouped group_by_user(const InteractionList& pairs, Index users, Index items);
// The users of each item, ascending; `threads` of the host find them.
IdLists transposed(const IdLists& lists, Index columns, int threads = 1);

struct HoldOut {
  IdLists kept;
  IdLists held;
  Index too_few = 0;  // users with exactly one item, of which none can be held out
};
// Of each user's n >= 2 items, max(1, round(share n)) but never all are held out: those with the
// smallest draw named by (seed, user, item). So it depends on nothing else, not even on the other
// items' order.
HoldOut hold_out(const IdLists& lists, double share, std::uint64_t seed);

struct Splits {
  IdLists train, validation, test;  // by user
};
// Things about the data that a reader of numbers should know: "items without any interaction: 3".
std::vector<ReportLine> survey(const Splits& splits, Index items);

}  // namespace chorale
