#include "graph/dist_csr.h"

#include <algorithm>
#include <numeric>

#include "comm/bytes.h"
#include "comm/typed.h"
#include "kernels/check.h"

namespace chorale {
namespace {

// What `make` says of each entry, at the owner of the entry's column, by the rank it comes from.
// Entries of one position come from one rank, in its order, so a stable sort sees the same list
// whatever the ranks. Collective.
//   make(entry, its place in `entries`) -> T
template <class T, class Make>
std::vector<T> send_to_column_owners(Communicator& host, const Partition& columns,
                                     const std::vector<Triplet>& entries, Make make) {
  std::vector<Index> sent(static_cast<std::size_t>(host.size()), 0);
  for (const Triplet& t : entries) ++sent[static_cast<std::size_t>(columns.owner(t.column))];
  std::vector<Index> next = offsets_of(sent);
  std::vector<T> grouped(entries.size());
  for (std::size_t e = 0; e < entries.size(); ++e) {
    const Index place = next[static_cast<std::size_t>(columns.owner(entries[e].column))]++;
    grouped[static_cast<std::size_t>(place)] = make(entries[e], static_cast<Index>(e));
  }
  if (host.size() == 1) return grouped;
  const std::vector<Index> received = exchange_counts(host, sent);
  std::vector<T> mine(static_cast<std::size_t>(total_of(received)));
  all_to_all<T>(host, grouped, sent, mine, received).wait();
  return mine;
}

bool stands_before(const Triplet& a, const Triplet& b) {
  return a.row != b.row ? a.row < b.row : a.column < b.column;
}

// The entries of each lane's rows, as a partition of all entries. Collective.
Partition edge_partition_of(Communicator& host, const Partition& rows,
                            const std::vector<Triplet>& entries) {
  std::vector<Index> counts(static_cast<std::size_t>(rows.lanes().local()), 0);
  for (const Triplet& t : entries) {
    ++counts[static_cast<std::size_t>(rows.lane_of(t.row) - rows.lanes().begin())];
  }
  const std::vector<Index> all = gather_all<Index>(host, counts);
  return Partition(rows.lanes(), offsets_of(all));
}

}  // namespace

DistCsr::DistCsr(Device& device, Communicator& comm, const Partition& rows,
                 const Partition& columns, std::vector<Triplet> entries, bool symmetric,
                 EdgeValues values)
    : rows_(rows),
      columns_(columns),
      transposed_(this),
      is_assignable_(values == EdgeValues::assignable) {
  require(!symmetric || rows == columns, "dist csr: symmetric, but {} rows and {} columns",
          rows.rows(), columns.rows());
  for (const Triplet& t : entries) {
    require(rows.owns(t.row) && 0 <= t.column && t.column < columns.rows(),
            "dist csr: entry ({}, {}) on the rank of rows [{}, {}), with {} columns", t.row,
            t.column, rows.first(), rows.last(), columns.rows());
  }
  if (is_assignable_) {
    std::stable_sort(entries.begin(), entries.end(), stands_before);  // now in CSR order
    edges_ = edge_partition_of(comm.host(), rows, entries);
  }
  build(device, comm, TripletRows(rows, entries), 1);
  if (symmetric) return;
  std::vector<Triplet> mirrored =
      send_to_column_owners<Triplet>(comm.host(), columns, entries, [](const Triplet& t, Index) {
        return Triplet{t.column, t.row, t.value};
      });
  if (is_assignable_) {
    const std::vector<Index> numbers = send_to_column_owners<Index>(
        comm.host(), columns, entries, [&](const Triplet&, Index e) { return edges_.first() + e; });
    std::vector<Index> order(mirrored.size());
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
      return stands_before(mirrored[static_cast<std::size_t>(a)],
                           mirrored[static_cast<std::size_t>(b)]);
    });
    for (Index& place : order) place = numbers[static_cast<std::size_t>(place)];
    to_transpose_ = std::make_unique<RowExchange>(device, comm, edges_, order);
  }
  entries = {};
  own_transpose(device, comm, TripletRows(columns, mirrored), 1);
}

DistCsr::DistCsr(Device& device, Communicator& comm, const Partition& nodes, const RowSource& rows,
                 const RowSource* transposed, int threads)
    : rows_(nodes), columns_(nodes), transposed_(this) {
  build(device, comm, rows, threads);
  if (transposed != nullptr) own_transpose(device, comm, *transposed, threads);
}

DistCsr::DistCsr(const Partition& rows, const Partition& columns, TransposeOf original)
    : rows_(rows), columns_(columns), transposed_(original.matrix) {}

void DistCsr::own_transpose(Device& device, Communicator& comm, const RowSource& source,
                            int threads) {
  owned_transpose_ = std::make_unique<DistCsr>(columns_, rows_, TransposeOf{this});
  owned_transpose_->build(device, comm, source, threads);
  transposed_ = owned_transpose_.get();
}

// A matrix and its transpose point at one another: the pointers follow the move.
DistCsr::DistCsr(DistCsr&& other) noexcept
    : rows_(std::move(other.rows_)),
      columns_(std::move(other.columns_)),
      nonzeros_(other.nonzeros_),
      row_begin_(std::move(other.row_begin_)),
      local_columns_(std::move(other.local_columns_)),
      values_(std::move(other.values_)),
      long_row_list_(std::move(other.long_row_list_)),
      long_rows_(other.long_rows_),
      halo_(std::move(other.halo_)),
      owned_transpose_(std::move(other.owned_transpose_)),
      transposed_(other.transposed_ == &other ? this : other.transposed_),
      is_assignable_(other.is_assignable_),
      edges_(std::move(other.edges_)),
      to_transpose_(std::move(other.to_transpose_)) {
  if (owned_transpose_) owned_transpose_->transposed_ = this;
}

void DistCsr::build(Device& device, Communicator& comm, const RowSource& source, int threads) {
  CsrArrays made = make_csr(device, rows_, columns_, source, threads);
  nonzeros_ = made.nonzeros;
  row_begin_ = std::move(made.row_begin);
  local_columns_ = std::move(made.columns);
  values_ = std::move(made.values);
  long_row_list_ = std::move(made.long_row_list);
  long_rows_ = made.long_rows;
  halo_ = std::make_unique<RowExchange>(device, comm, columns_, made.ghosts);
}

void DistCsr::multiply(Arena& arena, ConstView x, View y) const {
  const View ghost = arena.take_view(ghosts(), x.cols);
  halo_->pull(arena, x, ghost);
  arena.device().kernels().spmm(view(), x, ghost, y);
  arena.give_back(ghost);
}

void DistCsr::multiply_add(Arena& arena, ConstView x, View y) const {
  const View ghost = arena.take_view(ghosts(), x.cols);
  halo_->pull(arena, x, ghost);
  arena.device().kernels().spmm_add(view(), x, ghost, y);
  arena.give_back(ghost);
}

void DistCsr::multiply_rows(Arena& arena, Rows rows, ConstView x, View y) const {
  const View ghost = arena.take_view(ghosts(), x.cols);
  halo_->pull(arena, x, ghost);
  arena.device().kernels().spmm_rows(view(), rows, x, ghost, y);
  arena.give_back(ghost);
}

void DistCsr::multiply_marked(Arena& arena, ConstView marks, ConstView x, View y) const {
  const View ghost = arena.take_view(ghosts(), x.cols);
  const View ghost_marks = arena.take_view(ghosts(), 1);
  halo_->pull(arena, x, ghost);
  halo_->pull(arena, marks, ghost_marks);
  arena.device().kernels().spmm_marked(view(), marks, ghost_marks, x, ghost, y);
  arena.give_back(ghost_marks);
  arena.give_back(ghost);
}

void DistCsr::multiply_bf16(Arena& arena, Bf16Product product) const {
  const Bf16View ghost = arena.take_bf16(ghosts(), product.x.cols);
  const View ghost_marks = product.marks.data != nullptr ? arena.take_view(ghosts(), 1) : View{};
  halo_->pull(arena, product.x, ghost);
  if (product.marks.data != nullptr) halo_->pull(arena, product.marks, ghost_marks);
  product.ghost = ghost;
  product.ghost_marks = ghost_marks;
  arena.device().kernels().spmm_bf16(view(), product);
  arena.give_back(ghost_marks);
  arena.give_back(ghost);
}

void DistCsr::assign(Arena& arena, ConstView edge_values) {
  require(is_assignable_, "dist csr: new values for a matrix that was not made assignable");
  require(edge_values.rows == nonzeros_ && edge_values.cols == 1,
          "dist csr: values ({}, {}) for {} entries", edge_values.rows, edge_values.cols,
          nonzeros_);
  arena.device().kernels().copy(edge_values, values());
  if (owned_transpose_) to_transpose_->pull(arena, edge_values, owned_transpose_->values());
}

CsrView DistCsr::view() const {
  return {.rows = rows_.local_rows(),
          .n_own = columns_.local_rows(),
          .n_ghost = ghosts(),
          .row_begin = row_begin_.data(),
          .columns = local_columns_.data(),
          .values = values_.data(),
          .entries = nonzeros_,
          .long_rows = long_rows_};
}

}  // namespace chorale
