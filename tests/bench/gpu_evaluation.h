// Times a full ranking with its metrics as training does it: by the evaluator, host and all.
#pragma once

#include "comm/communicator.h"
#include "graph/io/dataset.h"
#include "graph/partition.h"
#include "kernels/device.h"

namespace chorale::bench {

// The median of a few evaluations of the test split at k = 20.   vectors:(n, 64) rows over nodes
double evaluation_ms(Device& device, Communicator& comm, const Dataset& dataset,
                     const Partition& nodes, ConstView vectors);

}  // namespace chorale::bench
