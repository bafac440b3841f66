// Who interacted with whom in training, by node, from the mapped interaction lists: any rank may
// ask about any node. Entities that are no items have no neighbours here.
#pragma once

#include <span>

#include "graph/io/dataset.h"

namespace chorale {

struct Neighbourhood {
  const Dataset& dataset;

  // Item ids of a user, user ids of an item, ascending.
  std::span<const std::int32_t> of(Index node) const {
    if (dataset.is_user(node)) return dataset.items_of(Split::train, node);
    if (dataset.is_item(node)) return dataset.users_of(node - dataset.users());
    return {};
  }
  Index degree(Index node) const { return static_cast<Index>(of(node).size()); }
  // The node that entry `id` of `node`'s list names.
  Index other(Index node, std::int32_t id) const {
    return dataset.is_user(node) ? dataset.users() + id : id;
  }
  Index row(Index node) const { return dataset.row_of_node(node); }
};

}  // namespace chorale
