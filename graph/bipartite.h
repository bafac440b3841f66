// The user-item graph as one square matrix over all nodes: A = [[0, R], [R^T, 0]], normalised.
#pragma once

#include "comm/communicator.h"
#include "graph/dist_csr.h"
#include "graph/io/dataset.h"

namespace chorale {

// D holds the degrees of A. A node without edges has inverse degree 0.
enum class Normalization {
  plain,  // A
  sym,    // D^-1/2 A D^-1/2                 Kipf and Welling 2017, without self loops
  rw,     // D^-1 A
  rw_i,   // D^-1 A + I
  rw_sl,  // (D + I)^-1 (A + I)
};

// From the training interactions; rows and columns over `nodes`. The rows and columns of entities
// that are no items are empty, loops included. `threads` of the host build it. Collective.
DistCsr bipartite_adjacency(Device& device, Communicator& comm, const Dataset& dataset,
                            const Partition& nodes, Normalization normalization, int threads = 1);

}  // namespace chorale
