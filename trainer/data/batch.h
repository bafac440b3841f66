// A batch: named columns of node rows, dealt over ranks by lanes like everything else.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/partition.h"
#include "kernels/check.h"

namespace chorale {

// Global rows of a partitioned matrix: those of this rank's part of the column.
struct IdColumn {
  Partition part;  // of the column's entries
  std::vector<Index> rows;

  Index size() const { return part.rows(); }  // over all ranks
};

// Columns of equal partition belong together, entry by entry. Samplers say which columns they fill.
class Batch {
 public:
  // For samplers: the column of this name, emptied, over `part`. References stay valid.
  IdColumn& start(std::string_view name, const Partition& part) {
    const auto place = columns_.find(name);
    IdColumn& column =
        place == columns_.end() ? columns_.emplace(name, IdColumn{}).first->second : place->second;
    if (!(column.part == part)) column.part = part;
    column.rows.clear();
    return column;
  }
  const IdColumn& operator[](std::string_view name) const {
    const auto place = columns_.find(name);
    require(place != columns_.end(), "batch: there is no column \"{}\"", name);
    return place->second;
  }

  // Of samples that a sampler puts into groups, each with one entry in some columns: this rank's
  // samples of group i are [groups[i], groups[i+1]). Groups end with lanes.
  std::vector<Index> groups;

 private:
  std::map<std::string, IdColumn, std::less<>> columns_;
};

// The columns of a batch of (user, positive, negative), started together.
struct TripleColumns {
  IdColumn &user, &positive, &negative;

  TripleColumns(Batch& batch, const Partition& part)
      : user(batch.start("user", part)),
        positive(batch.start("positive", part)),
        negative(batch.start("negative", part)) {}
};

}  // namespace chorale
