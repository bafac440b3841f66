// What `chorale inspect DIR` prints about a prepared data set.
#pragma once

#include <string>

#include "graph/io/dataset.h"

namespace chorale {

// Several lines of text: counts, degrees, splits, balance of the lanes, source and the report of
// `prepare`.
std::string describe(const Dataset& dataset);

}  // namespace chorale
