// Groups of rows cut into pieces, one launch's worth of them: what a block has to find out about
// its work goes by value, so that nothing is uploaded.
#pragma once

#include <algorithm>

#include "kernels/view.h"

namespace chorale::cuda {

// A matrix for each group: matrix g begins at data + g * step.
template <class T>
struct Matrices {
  T* data;
  Index step;
  Index rows, cols, stride;

  constexpr T* of(Index g) const { return data + g * step; }
};

struct Pieces {
  static constexpr int kMostGroups = 96;  // about 2 KB, of the 4 KB that a launch can pass

  int groups = 0;
  int matrix[kMostGroups] = {};
  int first[kMostGroups + 1] = {};    // number of the group's first piece
  Index begin[kMostGroups + 1] = {};  // its first row

  constexpr int count() const { return first[groups]; }
  // The group of a piece.
  constexpr int group_of(int piece) const {
    int low = 0, high = groups;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (first[middle] <= piece ? low : high) = middle;
    }
    return low;
  }
};

// launch(pieces) for groups with rows, as many at a time as fit: pieces_of(rows) are a group's, and
// a launch has at most `most` of them unless one group has more.
template <class PiecesOf, class Launch>
void each_batch(Groups begin, Index most, PiecesOf pieces_of, Launch launch) {
  Pieces batch;
  const auto flush = [&] {
    if (batch.groups > 0) launch(batch);
    batch.groups = 0;
  };
  for (std::size_t g = 0; g + 1 < begin.size(); ++g) {
    const Index rows = begin[g + 1] - begin[g];
    if (rows == 0) continue;
    const Index pieces = pieces_of(rows);
    if (batch.groups == Pieces::kMostGroups || batch.count() + pieces > most) flush();
    const int at = batch.groups++;
    batch.matrix[at] = static_cast<int>(g);
    batch.begin[at] = begin[g];
    batch.begin[at + 1] = begin[g + 1];
    batch.first[at + 1] = batch.first[at] + static_cast<int>(pieces);
  }
  flush();
}

}  // namespace chorale::cuda
