// See fma_roof.h; the code is in a header of its own because it is compiled once per instruction
// set.
#include "tests/bench/fma_roof-inl.h"
