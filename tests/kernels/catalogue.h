// One row per kernel of kernels/kernels.h: how to call it on a scene, and how backends must agree
// on it.
#pragma once

#include <span>

#include "tests/kernels/scene.h"

namespace chorale::test {

struct CatalogueRow {
  const char* name;
  // Do integer inputs leave no room for rounding, so that backends must be equal? Kernels that
  // divide or take roots do.
  bool exact;
  // The number of terms of the longest sum behind one result; 0: backends are equal on any input.
  Index (*terms)(const Scene&);
  void (*run)(const Kernels&, Scene&);
};

std::span<const CatalogueRow> catalogue();

}  // namespace chorale::test
