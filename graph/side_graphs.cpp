#include "graph/side_graphs.h"

#include "kernels/check.h"

namespace chorale {
namespace {

// The ids that `take` names, in the order of their rows; take(node) is an id or -1.
template <class Take>
std::vector<Index> ids_in_row_order(const Dataset& dataset, Take take) {
  std::vector<Index> ids;
  for (Index row = 0; row < dataset.nodes(); ++row) {
    const Index id = take(dataset.node_of_row(row));
    if (id >= 0) ids.push_back(id);
  }
  return ids;
}

}  // namespace

std::vector<Index> user_ids(const Dataset& dataset) {
  return ids_in_row_order(dataset,
                          [&](Index node) { return dataset.is_user(node) ? node : Index{-1}; });
}

std::vector<Index> item_ids(const Dataset& dataset) {
  return ids_in_row_order(dataset, [&](Index node) {
    return dataset.is_item(node) ? node - dataset.users() : Index{-1};
  });
}

Incidence items_of_users(const Dataset& dataset) {
  const std::vector<Index> items = item_ids(dataset);
  std::vector<LocalIndex> row_of_item(items.size());
  for (std::size_t r = 0; r < items.size(); ++r) {
    row_of_item[static_cast<std::size_t>(items[r])] = static_cast<LocalIndex>(r);
  }
  Incidence h;
  for (const Index user : user_ids(dataset)) {
    for (const std::int32_t item : dataset.items_of(Split::train, user)) {
      h.edges.push_back(row_of_item[static_cast<std::size_t>(item)]);
    }
    h.begin.push_back(static_cast<Index>(h.edges.size()));
  }
  return h;
}

CliqueOperator co_interactions(Device& device, Communicator& comm, const Dataset& dataset,
                               const Lanes& lanes, CliqueForm form) {
  return co_interactions(device, comm, dataset.user_partition(lanes), dataset.item_partition(lanes),
                         items_of_users(dataset), form);
}

NeighbourLists item_neighbours(Device& device, Communicator& comm, const Dataset& dataset,
                               const Lanes& lanes, std::string_view features, Index k) {
  const Features of_items = dataset.features(features);
  require_user(of_items.side == Features::Side::item, Exit::usage,
               "name features of items, or prepare these as features of items",
               "features \"{}\" are of users, and neighbours of items are wanted", features);
  return cosine_neighbours(device, comm, dataset.item_partition(lanes), item_ids(dataset), of_items,
                           k);
}

}  // namespace chorale
