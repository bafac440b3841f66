// What the ops are tried on.
#pragma once

#include <memory>
#include <vector>

#include "kernels/check.h"
#include "kernels/device.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale::test {

inline constexpr Index kNodes = 23, kDim = 5, kBatch = 11, kFew = 7;
inline constexpr Index kRelations = 3, kRelationDim = 4;
inline constexpr int kLanes = 7;

// Three node tables, one sparse matrix (not symmetric), a weight, a bias and a batch with repeated
// rows.
struct Fixture {
  std::unique_ptr<Device> device = make_device({.kind = DeviceKind::reference});
  Communicator& comm;
  Lanes lanes;
  Partition nodes, batch, relations, groups;
  std::vector<Index> numbers;
  Array<Index> names;
  Table x, y, offset, w, b, other_w, other_b, batch_offset, relation_vectors, matrices;
  DistCsr a;
  CliqueOperator expanded, factored;
  IdColumn ids, other_ids, few_ids, relation_ids;
  std::vector<Index> group_begin;  // runs of samples of one relation within a lane
  RowSubset subset;
  Tape tape;

  explicit Fixture(Communicator& c)
      : comm(c),
        lanes(make_lanes(kLanes, c.size(), c.rank())),
        nodes(Partition::uniform(kNodes, lanes)),
        batch(Partition::uniform(kBatch, lanes)),
        relations(Partition::uniform(kRelations, lanes)),
        groups(group_partition()),
        numbers(range(nodes)),
        names(*device, std::span<const Index>(numbers)),
        x(*device, "x", nodes, kDim, numbers, normal_values(1, "x", 1.0)),
        y(*device, "y", nodes, kDim, numbers, normal_values(1, "y", 1.0)),
        offset(*device, "offset", nodes, kDim, numbers, normal_values(1, "offset", 1.0)),
        w(*device, "w", lanes, kDim, kDim, normal_values(1, "w", 1.0)),
        b(*device, "b", lanes, 1, kDim, normal_values(1, "b", 1.0)),
        other_w(*device, "other_w", lanes, kDim, kDim, normal_values(1, "other_w", 1.0)),
        other_b(*device, "other_b", lanes, 1, kDim, normal_values(1, "other_b", 1.0)),
        batch_offset(*device, "batch_offset", batch, kDim, range(batch),
                     normal_values(1, "batch_offset", 1.0)),
        relation_vectors(*device, "relation_vectors", relations, kRelationDim, range(relations),
                         normal_values(1, "relation_vectors", 0.5)),
        matrices(*device, "matrices", relations, kDim * kRelationDim, range(relations),
                 normal_values(1, "matrices", 0.5)),
        a(*device, c, nodes, nodes, entries(nodes), false),
        expanded(clique(CliqueForm::expanded)),
        factored(clique(CliqueForm::factored)),
        subset(*device, nodes, subset_partition(), in_subset),
        tape(*device, c, lanes, 9) {
    ids.part = other_ids.part = batch;
    relation_ids.part = groups;
    for (Index i = batch.first(); i < batch.last(); ++i) {
      ids.rows.push_back((i * i) % 13);  // repeats rows, of several ranks
      other_ids.rows.push_back((i * 7 + 2) % kNodes);
      if (begins_group(i)) {
        group_begin.push_back(i - batch.first());
        relation_ids.rows.push_back(relation_of(i));
      }
    }
    group_begin.push_back(batch.local_rows());
    few_ids.part = Partition::uniform(kFew, lanes);
    for (Index i = few_ids.part.first(); i < few_ids.part.last(); ++i) {
      few_ids.rows.push_back((i * 9 + 1) % kNodes);
    }
  }

  static std::vector<Index> range(const Partition& p) {
    std::vector<Index> rows;
    for (Index i = p.first(); i < p.last(); ++i) rows.push_back(i);
    return rows;
  }
  static std::vector<Triplet> entries(const Partition& p) {
    std::vector<Triplet> all;
    for (Index i = p.first(); i < p.last(); ++i) {
      for (Index k = 0; k < i % 5; ++k) {
        all.push_back({i, (i * 3 + k * 7 + 1) % kNodes,
                       static_cast<Real>(0.3 + 0.1 * static_cast<double>(k))});
      }
    }
    return all;
  }

  static Index relation_of(Index sample) { return sample / 3 % kRelations; }
  bool begins_group(Index sample) const {
    return batch.lane_begin(batch.lane_of(sample)) == sample ||
           relation_of(sample) != relation_of(sample - 1);
  }
  static bool in_subset(Index row) { return row % 3 != 1; }
  Partition subset_partition() const {
    std::vector<Index> boundaries{0};
    for (int l = 0; l < lanes.count; ++l) {
      boundaries.push_back(boundaries.back());
      for (Index i = nodes.lane_begin(l); i < nodes.lane_begin(l + 1); ++i)
        boundaries.back() += in_subset(i) ? 1 : 0;
    }
    return Partition(lanes, boundaries);
  }
  Partition group_partition() const {
    std::vector<Index> boundaries{0};
    for (int l = 0; l < lanes.count; ++l) {
      boundaries.push_back(boundaries.back());
      for (Index i = batch.lane_begin(l); i < batch.lane_begin(l + 1); ++i) {
        boundaries.back() += begins_group(i) ? 1 : 0;
      }
    }
    return Partition(lanes, boundaries);
  }

  CliqueOperator clique(CliqueForm form) {
    Incidence h;
    for (Index i = 0; i < kNodes; ++i) {
      for (Index k = 0; k < i % 4; ++k)
        h.edges.push_back(static_cast<LocalIndex>((i + k * 5) % kBatch));
      h.begin.push_back(static_cast<Index>(h.edges.size()));
    }
    return co_interactions(*device, comm, nodes, batch, h, form);
  }

  Var leaf(Table& t) { return tape.leaf(t); }
  // A loss that depends on every element of v in its own way.
  Var measure(Var v) { return half_squares(v + leaf(v.part() == nodes ? offset : batch_offset)); }
  // The same of what gather reads of a value that has no more than that.
  Var measure_few(Var v) {
    require(v.layout() == Layout::chosen, "all rows were computed");
    return half_squares(gather(v, few_ids) + gather(leaf(offset), few_ids));
  }
  // Samples are rows of x, of y and of x again.
  Var transr(double l2) {
    return transr_loss(gather(leaf(x), ids), gather(leaf(y), ids), gather(leaf(x), other_ids),
                       gather(leaf(relation_vectors), relation_ids),
                       gather(leaf(matrices), relation_ids), group_begin, l2, 7);
  }
  std::vector<Table*> tables() {
    return {&x,       &y, &offset, &w, &b, &other_w, &other_b, &batch_offset, &relation_vectors,
            &matrices};
  }
  BiInteractionLayer layer(bool has_self, double dropout) {
    return {w, b, other_w, other_b, has_self, 0.3, dropout};
  }
  // The seven rows that a batch names, few of the nodes.
  std::vector<const IdColumn*> few() const { return {&few_ids}; }
};

}  // namespace chorale::test
