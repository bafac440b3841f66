#include "graph/dist_csr.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "comm/bytes.h"
#include "comm/typed.h"
#include "kernels/check.h"
#include "kernels/long_rows.h"

namespace chorale {
namespace {

// A set of columns, kept as one bit a column, that knows each member's place in ascending order.
class ColumnSet {
 public:
  explicit ColumnSet(Index columns) : words_(static_cast<std::size_t>(columns) / 64 + 1, 0) {}

  void add(Index column) {
    words_[static_cast<std::size_t>(column) / 64] |= std::uint64_t{1} << (column % 64);
  }

  // Ascending. To be called once, before place_of.
  std::vector<Index> members() {
    std::vector<Index> all;
    for (std::size_t w = 0; w < words_.size(); ++w) {
      before_.push_back(static_cast<Index>(all.size()));
      for (std::uint64_t bits = words_[w]; bits != 0; bits &= bits - 1) {
        all.push_back(static_cast<Index>(w) * 64 + std::countr_zero(bits));
      }
    }
    return all;
  }

  Index place_of(Index column) const {
    const auto w = static_cast<std::size_t>(column) / 64;
    const std::uint64_t below = (std::uint64_t{1} << (column % 64)) - 1;
    return before_[w] + std::popcount(words_[w] & below);
  }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<Index> before_;  // members in earlier words
};

// The entries by row, within a row by column, those of equal position in the order given.
struct SortedEntries {
  std::vector<Index> row_begin;
  std::vector<std::pair<Index, Real>> entries;  // (global column, value)
};

SortedEntries sort_entries(const Partition& rows, const std::vector<Triplet>& triplets) {
  const Index first = rows.first();
  SortedEntries sorted;
  sorted.row_begin.assign(static_cast<std::size_t>(rows.local_rows()) + 1, 0);
  for (const Triplet& t : triplets) ++sorted.row_begin[static_cast<std::size_t>(t.row - first) + 1];
  std::partial_sum(sorted.row_begin.begin(), sorted.row_begin.end(), sorted.row_begin.begin());

  std::vector<Index> next = sorted.row_begin;
  sorted.entries.resize(triplets.size());
  for (const Triplet& t : triplets) {
    const Index place = next[static_cast<std::size_t>(t.row - first)]++;
    sorted.entries[static_cast<std::size_t>(place)] = {t.column, t.value};
  }
  const auto by_column = [](const auto& a, const auto& b) { return a.first < b.first; };
  for (std::size_t r = 0; r + 1 < sorted.row_begin.size(); ++r) {
    const auto begin = sorted.entries.begin() + sorted.row_begin[r];
    const auto end = sorted.entries.begin() + sorted.row_begin[r + 1];
    if (!std::is_sorted(begin, end, by_column)) std::stable_sort(begin, end, by_column);
  }
  return sorted;
}

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

void require_inside(const Partition& rows, const Partition& columns,
                    const std::vector<Triplet>& entries) {
  for (const Triplet& t : entries) {
    require(rows.owns(t.row) && 0 <= t.column && t.column < columns.rows(),
            "dist csr: entry ({}, {}) on the rank of rows [{}, {}), with {} columns", t.row,
            t.column, rows.first(), rows.last(), columns.rows());
  }
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
  require_inside(rows, columns, entries);
  if (is_assignable_) {
    std::stable_sort(entries.begin(), entries.end(), stands_before);  // now in CSR order
    edges_ = edge_partition_of(comm.host(), rows, entries);
  }
  build(device, comm, entries);
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
  owned_transpose_ = std::make_unique<DistCsr>(device, comm, columns, rows, std::move(mirrored),
                                               TransposeOf{this});
  transposed_ = owned_transpose_.get();
}

DistCsr::DistCsr(Device& device, Communicator& comm, const Partition& rows,
                 const Partition& columns, std::vector<Triplet> entries, TransposeOf original)
    : rows_(rows), columns_(columns), transposed_(original.matrix) {
  build(device, comm, entries);
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

void DistCsr::build(Device& device, Communicator& comm, const std::vector<Triplet>& entries) {
  nonzeros_ = static_cast<Index>(entries.size());
  SortedEntries sorted = sort_entries(rows_, entries);
  ColumnSet ghost_set(columns_.rows());
  for (const auto& [column, value] : sorted.entries) {
    if (!columns_.owns(column)) ghost_set.add(column);
  }
  const std::vector<Index> ghosts = ghost_set.members();
  const Index own = columns_.local_rows();
  require(own + static_cast<Index>(ghosts.size()) <= std::numeric_limits<LocalIndex>::max(),
          "dist csr: {} own and {} ghost rows on one rank", own, ghosts.size());

  std::vector<LocalIndex> local(sorted.entries.size());
  std::vector<Real> values(sorted.entries.size());
  for (std::size_t e = 0; e < local.size(); ++e) {
    const auto [column, value] = sorted.entries[e];
    local[e] = static_cast<LocalIndex>(columns_.owns(column) ? column - columns_.first()
                                                             : own + ghost_set.place_of(column));
    values[e] = value;
  }
  row_begin_ = Array<Index>(device, std::span<const Index>(sorted.row_begin));
  local_columns_ = Array<LocalIndex>(device, std::span<const LocalIndex>(local));
  values_ = Array<Real>(device, std::span<const Real>(values));
  const LongRowList long_rows = cut_long_rows(sorted.row_begin);
  long_row_list_ = Array<Index>(device, std::span<const Index>(long_rows.list));
  long_rows_ = long_rows.at(long_row_list_.data());
  halo_ = std::make_unique<RowExchange>(device, comm, columns_, ghosts);
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
