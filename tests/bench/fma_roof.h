// The roof of dense kernels: how many fused steps a core can do when nothing is loaded.
#pragma once

namespace chorale {

// Does chains of fused steps in registers and returns how many operations they were.
double fused_steps(int repetitions);

}  // namespace chorale
