// Kernels that look before they leap: every call's shapes, strides, overlaps and indices are
// required to be what the catalogue says, and its outputs to be finite, before and after it is
// passed on to `inner`. The message names the kernel. For devices whose memory the host can read;
// much slower than what it wraps.
#pragma once

#include <memory>

#include "kernels/kernels.h"

namespace chorale {

// `inner` must outlive the result. A broken contract throws Error (Exit::internal); an output that
// is not finite throws Error (Exit::non_finite).
std::unique_ptr<Kernels> make_checked_kernels(const Kernels& inner);

}  // namespace chorale
