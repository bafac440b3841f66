// Graphs over only the users or only the items of a data set: what the builders of hypergraph.h and
// neighbours.h need, from a Dataset. Every rank reads the mapped lists; nothing is communicated but
// what those builders say.
#pragma once

#include <string_view>
#include <vector>

#include "graph/hypergraph.h"
#include "graph/io/dataset.h"

namespace chorale {

// The id of every row of Dataset::user_partition, or of item_partition.
std::vector<Index> user_ids(const Dataset& dataset);
std::vector<Index> item_ids(const Dataset& dataset);

// The training interactions as an incidence of user rows and item rows.
Incidence items_of_users(const Dataset& dataset);

// P_u of a data set, over its user_partition. Collective.
CliqueOperator co_interactions(Device& device, Communicator& comm, const Dataset& dataset,
                               const Lanes& lanes, CliqueForm form = CliqueForm::fewer_entries);

// For every item row the k nearest by these features; see cosine_neighbours. Collective. Throws
// Error (Exit::usage) if there are no such features, or if they are of users.
NeighbourLists item_neighbours(Device& device, Communicator& comm, const Dataset& dataset,
                               const Lanes& lanes, std::string_view features, Index k);

}  // namespace chorale
