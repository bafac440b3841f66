// How the catalogue calls sparse products and what belongs to their operands in bf16.
#pragma once

#include "tests/kernels/scene.h"

namespace chorale::test {

Rows every_third(Scene& s);  // of n, last first

void spmm_by(const Kernels& k, Scene& s,
             void (Kernels::*product)(const CsrView&, ConstView, ConstView, View) const);
void spmm_rows(const Kernels& k, Scene& s);
void spmm_marked(const Kernels& k, Scene& s);
void spmm_bf16(const Kernels& k, Scene& s);
void to_bf16(const Kernels& k, Scene& s);
void axpy_bf16(const Kernels& k, Scene& s);

}  // namespace chorale::test
