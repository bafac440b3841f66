// The tape: runs a program once, forward, and remembers how to run it backward.
//
// An op computes its value, then records one lambda that adds to its inputs' gradients what its
// output's gradient makes of them. `backward` runs the lambdas in reverse. Values live to the end
// of the step; a gradient is given back as soon as its op's adjoint has run. Recorded lambdas are
// trivially copyable and own nothing, so a step in the steady state allocates nothing; what must be
// owned for the step (an exchange plan) is kept by the tape.
//
// Layouts (graph/partition.h) are checked by ops as shapes are. The loss is a partial scalar: one
// number a lane; backward seeds it with 1 on every rank, and no scale or rank test appears
// anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

#include "comm/communicator.h"
#include "embedding/table.h"
#include "graph/row_exchange.h"
#include "kernels/arena.h"
#include "trainer/autodiff/tally.h"
#include "trainer/autodiff/var.h"
#include "trainer/data/batch.h"

namespace chorale {

class Tape {
 public:
  Tape(Device& device, Communicator& comm, const Lanes& lanes, std::uint64_t seed);

  // Forgets the step that was and begins step `step`; `training` turns dropout on. Keeps the
  // memory.
  void reset(Index step, bool training);
  bool training() const { return training_; }
  // Whether `propagate` stores what it gathers in bf16; not unless it is asked for.
  bool propagates_in_bf16() const { return propagates_in_bf16_; }
  void propagate_in_bf16(bool on) { propagates_in_bf16_ = on; }
  // A dropout mask of its own for the caller: (seed, step, how many were asked for before in this
  // step).
  DropoutMask next_mask(double rate);

  // In training nothing but `gather` may read a table that has a host tier.
  Var leaf(Table& table);
  // A value of `rows` layout over `part`, this rank's rows; `part` must outlive the step.
  Var output_rows(const Partition& part, Index cols);
  // A value of `chosen` layout: of this rank's rows over `part` only those that are listed.
  Var output_chosen(const Partition& part, const ChosenRows& rows, Index cols);
  // A value of x's rows, all or chosen.
  Var output_like(Var x, Index cols);
  // The rows over `part` that any rank gathers by one of these columns, as their owner knows them;
  // null: all, since no columns are named, or so many ids that a pass over the rows is not worth
  // its while. Found once a step for the same columns; they and `part` outlive the step.
  // Collective.
  const ChosenRows* chosen_rows(const Partition& part, std::span<const IdColumn* const> gathered);
  Var output_partial();  // (local lanes, 1)
  // Records the adjoint of y, the output just made from `inputs`. Not kept when no input wants a
  // gradient.
  template <class Adjoint>
  void on_backward(Var y, std::span<const Var> inputs, Adjoint adjoint) {
    static_assert(
        std::is_trivially_copyable_v<Adjoint> && std::is_trivially_destructible_v<Adjoint>,
        "an adjoint owns nothing: capture views, numbers and Vars; Tape::keep owns the rest");
    for (const Var& x : inputs) {
      if (x.wants_grad()) {
        void* place = store(sizeof(Adjoint));
        new (place) Adjoint(adjoint);
        record(
            y, [](const void* a) { (*static_cast<const Adjoint*>(a))(); }, place);
        return;
      }
    }
  }
  template <class Adjoint>
  void on_backward(Var y, std::initializer_list<Var> inputs, Adjoint adjoint) {
    on_backward(y, std::span<const Var>(inputs.begin(), inputs.size()), adjoint);
  }
  // The exchange that brings the rows named by `ids` to this rank; built once a step for each
  // column.
  const RowExchange& lookup(const IdColumn& ids, const Partition& rows);
  // The same from the rows that x holds (rows or chosen), or the places of a table's host tier.
  const RowExchange& lookup(const IdColumn& ids, Var x);
  // What `gather` made of x and `ids` earlier in this step, or null; and to remember it.
  const Var* find_rows(Var x, const IdColumn& ids) const;
  void keep_rows(Var x, const IdColumn& ids, Var y) { looked_up_.push_back({x.id, &ids, y}); }
  // The rows of all ranks, of a value (gathered once a step) or of this rank's rows of anything
  // dealt by `part`. In the memory of the step, or x itself on one rank. Collective.
  ConstView all_rows(Var x);
  ConstView all_rows(const Partition& part, ConstView mine);

  // The names of the rows that x has, where names[i] is that of local row i of its partition. Both
  // in device memory.
  const Index* names_of(Var x, std::span<const Index> names);

  // Names a term of the loss, to be reported beside it.
  void note(const char* name, Var scalar) { notes_.push_back({name, scalar}); }

  // The truth of a partial scalar: its lanes summed up the tree. The host waits. Collective.
  double total(Var scalar);
  // Sends the loss and its noted terms on their way to the host, which does not wait.
  void send_totals(Var loss, Tally& tally);
  // Fills Table::gradient() of every leaf. Collective where adjoints are.
  void backward(Var loss);

  Device& device() { return device_; }
  Communicator& comm() { return comm_; }
  const Kernels& kernels() const { return device_.kernels(); }
  Arena& arena() { return arena_; }
  const Lanes& lanes() const { return lanes_only_.lanes(); }
  // f(l, first, last) for each of this rank's lanes, whose rows are [first, last) of a value.
  template <class F>
  void each_lane(LaneOffsets offsets, F f) const {
    for (std::size_t l = 0; l + 1 < offsets.size(); ++l)
      f(static_cast<int>(l), offsets[l], offsets[l + 1]);
  }

 private:
  friend struct Var;
  struct Node {
    View value;
    View grad;
    Layout layout;
    const Partition* part;
    Table* leaf;
    bool wants_grad;
    const ChosenRows* chosen = nullptr;
  };
  struct Adjoint {
    int output;
    void (*run)(const void*);
    const void* capture;
  };
  struct Lookup {
    const IdColumn* ids;
    const Partition* rows;
    const void* holder;  // the chosen rows or the host tier that it is pulled from; null: all rows
    std::unique_ptr<RowExchange> exchange;
  };
  struct LookedUp {
    int id;
    const IdColumn* ids;
    Var rows;
  };
  struct Gathered {
    int id;
    ConstView rows;
  };
  struct Chosen {
    const Partition* part;
    std::vector<const IdColumn*> gathered;
    ChosenRows rows;
  };

  Var add_node(const Node& node);
  // The lookup of this holder, made if there is none yet in this step.
  template <class Make>
  const RowExchange& lookup_once(const IdColumn& ids, const Partition& rows, const void* holder,
                                 const Make& make);
  void record(Var y, void (*run)(const void*), const void* capture);
  void* store(std::size_t bytes);
  void release_grad(int id);

  Device& device_;
  Communicator& comm_;
  Partition lanes_only_;  // no rows; carries the lanes of values that have none
  Arena arena_;
  std::uint64_t seed_;
  Index step_ = 0;
  bool training_ = false;
  bool propagates_in_bf16_ = false;
  std::uint32_t masks_ = 0;
  std::vector<Node> nodes_;
  std::vector<Adjoint> adjoints_;
  std::vector<std::unique_ptr<const Chosen>> chosen_;
  std::vector<Lookup> lookups_;
  std::vector<LookedUp> looked_up_;
  std::vector<Gathered> gathered_;
  std::vector<std::pair<const char*, Var>> notes_;
  std::vector<std::unique_ptr<std::byte[]>>
      captures_;  // blocks of kCaptureBlock bytes, reused every step
  std::size_t capture_block_ = 0;
  std::size_t capture_used_ = 0;
};

}  // namespace chorale
