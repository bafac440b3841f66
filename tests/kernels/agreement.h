// How a backend is compared with the reference, kernel by kernel.
#pragma once

#include <vector>

#include "tests/kernels/catalogue.h"

namespace chorale::test {

// What the row's kernel makes of the scene; reports if it wrote where it must not.
std::vector<double> run(const Kernels& k, const CatalogueRow& row, const SceneOptions& options);

bool equal_bits(const std::vector<double>& a, const std::vector<double>& b);

// Reports if the two differ by more than the row allows.
void compare(const Kernels& reference, const Kernels& other, const CatalogueRow& row,
             const SceneOptions& options);

}  // namespace chorale::test
