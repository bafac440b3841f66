#include "graph/csr_rows.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <numeric>

#include "kernels/check.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/long_rows.h"
#include "kernels/plan_device.h"

namespace chorale {
namespace {

constexpr Index kEntriesAtOnce = Index{1} << 22;  // of a block of rows; a longer row is its own
constexpr Index kRowsAtOnce = 32;                 // that a thread takes

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// A set of columns, kept as one bit a column, that knows each member's place in ascending order.
class ColumnSet {
 public:
  explicit ColumnSet(Index columns) : words_(at(columns) / 64 + 1) {}

  // Any thread may call it.
  void add(Index column) {
    words_[at(column) / 64].fetch_or(std::uint64_t{1} << (column % 64), std::memory_order_relaxed);
  }

  // Ascending. To be called once, before place_of.
  std::vector<Index> members() {
    std::vector<Index> all;
    for (std::size_t w = 0; w < words_.size(); ++w) {
      before_.push_back(static_cast<Index>(all.size()));
      for (std::uint64_t bits = words_[w].load(); bits != 0; bits &= bits - 1) {
        all.push_back(static_cast<Index>(w) * 64 + std::countr_zero(bits));
      }
    }
    return all;
  }

  Index place_of(Index column) const {
    const std::size_t w = at(column) / 64;
    const std::uint64_t below = (std::uint64_t{1} << (column % 64)) - 1;
    return before_[w] + std::popcount(words_[w].load(std::memory_order_relaxed) & below);
  }

 private:
  std::vector<std::atomic<std::uint64_t>> words_;
  std::vector<Index> before_;  // members in earlier words
};

// body(first, last, worker) for runs of rows that cover [first, last), each taken by the next idle
// thread: rows differ much in length.
template <class Body>
void each_run(ThreadPool& pool, Index first, Index last, const Body& body) {
  std::atomic<Index> next{first};
  pool.parallel_parts(pool.threads(), [&](int worker) {
    for (Index begin = next.fetch_add(kRowsAtOnce); begin < last;
         begin = next.fetch_add(kRowsAtOnce)) {
      body(begin, std::min(begin + kRowsAtOnce, last), worker);
    }
  });
}

// What a thread fills a row into.
struct Scratch {
  std::vector<Index> columns;

  std::span<Index> of(Index n) {
    if (columns.size() < at(n)) columns.resize(at(n));
    return std::span(columns).first(at(n));
  }
};

class Builder {
 public:
  Builder(const Partition& rows, const Partition& columns, const RowSource& source, int threads)
      : rows_(rows),
        columns_(columns),
        source_(source),
        pool_(threads),
        scratch_(at(pool_.threads())),
        begin_(at(rows.local_rows()) + 1, 0) {
    each_run(pool_, 0, rows.local_rows(), [&](Index first, Index last, int) {
      for (Index r = first; r < last; ++r) begin_[at(r) + 1] = source.entries(rows.first() + r);
    });
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
  }

  CsrArrays make(Device& device) {
    CsrArrays made;
    made.nonzeros = begin_.back();
    ColumnSet ghosts(columns_.rows());
    if (columns_.local_rows() < columns_.rows()) find_ghosts(ghosts);
    made.ghosts = ghosts.members();
    const Index own = columns_.local_rows();
    require(own + static_cast<Index>(made.ghosts.size()) <= std::numeric_limits<LocalIndex>::max(),
            "csr: {} own and {} ghost rows on one rank", own, made.ghosts.size());
    made.row_begin = Array<Index>(device, std::span<const Index>(begin_));
    made.columns = Array<LocalIndex>(device, made.nonzeros);
    made.values = Array<Real>(device, made.nonzeros);
    if (!plan_kind(device)) upload(device, ghosts, made);  // it would not keep what takes a while
    const LongRowList long_rows = cut_long_rows(begin_);
    made.long_row_list = Array<Index>(device, std::span<const Index>(long_rows.list));
    made.long_rows = long_rows.at(made.long_row_list.data());
    return made;
  }

 private:
  void find_ghosts(ColumnSet& ghosts) {
    each_run(pool_, 0, rows_.local_rows(), [&](Index first, Index last, int worker) {
      std::vector<Real> values;
      for (Index r = first; r < last; ++r) {
        const Index n = begin_[at(r) + 1] - begin_[at(r)];
        const std::span<Index> row = scratch_[at(worker)].of(n);
        values.resize(std::max(values.size(), at(n)));
        source_.fill(rows_.first() + r, row, std::span(values).first(at(n)));
        for (const Index column : row) {
          require_inside(rows_.first() + r, column);
          if (!columns_.owns(column)) ghosts.add(column);
        }
      }
    });
  }

  void upload(Device& device, const ColumnSet& ghosts, CsrArrays& made) {
    for (Index first = 0, last = 0; first < rows_.local_rows(); first = last) {
      last = block_end(first);
      upload_block(device, first, last, ghosts, made);
    }
  }

  void upload_block(Device& device, Index first, Index last, const ColumnSet& ghosts,
                    CsrArrays& made) {
    const Index from = begin_[at(first)], n = begin_[at(last)] - from;
    block_columns_.resize(at(n));
    block_values_.resize(at(n));
    each_run(pool_, first, last, [&](Index begin, Index end, int worker) {
      for (Index r = begin; r < end; ++r) {
        const Index place = begin_[at(r)] - from, count = begin_[at(r) + 1] - begin_[at(r)];
        const std::span<Index> row = scratch_[at(worker)].of(count);
        source_.fill(rows_.first() + r, row,
                     std::span(block_values_).subspan(at(place), at(count)));
        for (Index e = 0; e < count; ++e) {
          const Index column = row[at(e)];
          require_inside(rows_.first() + r, column);
          block_columns_[at(place + e)] = static_cast<LocalIndex>(
              columns_.owns(column) ? column - columns_.first()
                                    : columns_.local_rows() + ghosts.place_of(column));
        }
      }
    });
    if (n == 0) return;
    device.upload(made.columns.data() + from, block_columns_.data(), at(n) * sizeof(LocalIndex));
    device.upload(made.values.data() + from, block_values_.data(), at(n) * sizeof(Real));
  }

  // As many rows as fit into a block, at least one.
  Index block_end(Index first) const {
    const auto after = std::upper_bound(begin_.begin() + first + 1, begin_.end(),
                                        begin_[at(first)] + kEntriesAtOnce);
    return std::max(first + 1, static_cast<Index>(after - begin_.begin()) - 1);
  }

  void require_inside(Index row, Index column) const {
    require(0 <= column && column < columns_.rows(),
            "csr: entry ({}, {}) of a matrix with {} columns", row, column, columns_.rows());
  }

  const Partition& rows_;
  const Partition& columns_;
  const RowSource& source_;
  ThreadPool pool_;
  std::vector<Scratch> scratch_;  // of each thread
  std::vector<Index> begin_;
  std::vector<LocalIndex> block_columns_;
  std::vector<Real> block_values_;
};

}  // namespace

TripletRows::TripletRows(const Partition& rows, const std::vector<Triplet>& triplets)
    : first_(rows.first()), begin_(at(rows.local_rows()) + 1, 0), entries_(triplets.size()) {
  for (const Triplet& t : triplets) {
    require(rows.owns(t.row), "csr: entry ({}, {}) on the rank of rows [{}, {})", t.row, t.column,
            rows.first(), rows.last());
    ++begin_[at(t.row - first_) + 1];
  }
  std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
  std::vector<Index> next = begin_;
  for (const Triplet& t : triplets) {
    entries_[at(next[at(t.row - first_)]++)] = {t.column, t.value};
  }
  const auto by_column = [](const auto& a, const auto& b) { return a.first < b.first; };
  for (std::size_t r = 0; r + 1 < begin_.size(); ++r) {
    const auto begin = entries_.begin() + begin_[r], end = entries_.begin() + begin_[r + 1];
    if (!std::is_sorted(begin, end, by_column)) std::stable_sort(begin, end, by_column);
  }
}

Index TripletRows::entries(Index row) const {
  return begin_[at(row - first_) + 1] - begin_[at(row - first_)];
}

void TripletRows::fill(Index row, std::span<Index> columns, std::span<Real> values) const {
  const Index from = begin_[at(row - first_)];
  for (std::size_t e = 0; e < columns.size(); ++e) {
    std::tie(columns[e], values[e]) = entries_[at(from) + e];
  }
}

CsrArrays make_csr(Device& device, const Partition& rows, const Partition& columns,
                   const RowSource& source, int threads) {
  return Builder(rows, columns, source, threads).make(device);
}

}  // namespace chorale
