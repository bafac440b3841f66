// How the catalogue calls layers of bi-interaction, and what other kernels that drop share.
#pragma once

#include "tests/kernels/scene.h"

namespace chorale::test {

DropoutMask mask();
const Index* row_names(Scene& s);  // of n rows, far apart

void bi_interaction(const Kernels& k, Scene& s);
void bi_interaction_grad(const Kernels& k, Scene& s);
void gather_names(const Kernels& k, Scene& s);

}  // namespace chorale::test
