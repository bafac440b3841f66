// How interactions are divided into training, validation and test: as the source says, or by
// holding out. Every choice is a pure function of the seed and of the ids it is about: not of the
// order in the file, of the number of lanes, or of the machine.
#pragma once

#include <vector>

#include "graph/io/interactions.h"
#include "graph/io/prepare.h"

namespace chorale {

// Throws Error (Exit::usage) unless shares are shares and do not exclude one another.
void check_split_options(const PrepareOptions& options);

// Groups, deduplicates and splits what was read; what is worth telling is added to the report.
// Throws Error (Exit::usage) for options that do not fit the source.
Splits make_splits(const PrepareOptions& options, const RawData& raw,
                   std::vector<ReportLine>& report);

// The cold-start protocol of LATTICE (Zhang et al., MM 2021): the share of the items with the
// smallest draws named by (seed, item) is never trained on. All their interactions are validation,
// for the first half of these items, or test; all others are training. `all`: by user. Items
// without interactions are not chosen.
//   Example: 10 items with interactions, share 0.35: round(3.5) = 4 items, 2 for each split.
Splits cold_start(const IdLists& all, Index items, double share, std::uint64_t seed);

}  // namespace chorale
