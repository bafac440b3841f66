// See scene.h.
#include "tests/kernels/scene.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/bf16.h"
#include "kernels/long_rows.h"
#include "kernels/random.h"

namespace chorale::test {
namespace {

constexpr Index kGuard = 16;
constexpr Real kSentinel = Real(12345.5);
constexpr std::uint16_t kBf16Sentinel = 0x4641;  // 12352
constexpr Index kLongRow = 10007;
constexpr Index kBusyRow = 1031;  // entries of a segment

// Every element is as it was, but those of outputs between sentinels.
template <class B>
bool is_intact(const B& b) {
  for (std::size_t at = 0; at < b.memory.size(); ++at) {
    const Index from_start = static_cast<Index>(at) - kGuard;
    const bool is_element =
        from_start >= 0 && from_start < b.rows * b.stride && from_start % b.stride < b.cols;
    if (is_element && b.is_output) continue;
    if (b.memory[at] != b.before[at]) return false;
  }
  return true;
}

}  // namespace

std::uint64_t Scene::draw(std::uint64_t below) {
  return random_below(random_bits({Purpose::test, 3}, 0, draws_++), below);
}

double Scene::draw_number() {
  return options_.exact ? static_cast<double>(draw(17)) - 8
                        : static_cast<double>(draw(1 << 20)) / (1 << 19) - 1;
}

template <class T>
T* Scene::add_buffer(Buffers<T>& buffers, Index rows, Index cols, T sentinel, bool is_output) {
  const Index stride = cols + (options_.strided ? 3 : 0);
  const auto size = static_cast<std::size_t>(2 * kGuard + rows * stride);
  buffers.push_back(std::make_unique<Buffer<T>>(
      Buffer<T>{{size, sentinel, options_.memory}, {}, rows, cols, stride, is_output}));
  return buffers.back()->memory.data() + kGuard;
}

View Scene::make(Index rows, Index cols, bool is_output, bool is_positive) {
  Real* first = add_buffer(buffers_, rows, cols, kSentinel, is_output);
  Buffer<Real>& b = *buffers_.back();
  const View v(first, rows, cols, b.stride);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      const double x = draw_number();
      v(i, j) = static_cast<Real>(is_positive ? std::abs(x) : x);
    }
  }
  b.before.assign(b.memory.begin(), b.memory.end());
  return v;
}

Bf16View Scene::make_bf16(Index rows, Index cols, bool is_output) {
  std::uint16_t* first = add_buffer(bf16_buffers_, rows, cols, kBf16Sentinel, is_output);
  Buffer<std::uint16_t>& b = *bf16_buffers_.back();
  const Bf16View v{reinterpret_cast<Bf16*>(first), rows, cols, b.stride};
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) v.row(i)[j] = round_to_bf16(static_cast<Real>(draw_number()));
  }
  b.before.assign(b.memory.begin(), b.memory.end());
  return v;
}

CsrView Scene::sparse(Index n_own, Index n_ghost) {
  std::vector<Index> begin{0};
  std::vector<LocalIndex> columns;
  const auto operand_rows = static_cast<std::uint64_t>(n_own + n_ghost);
  for (Index i = 0; i < n; ++i) {
    Index length = i % 5 == 2 ? 0 : static_cast<Index>(draw(9));
    if (i == 29) length = kLongRow;
    for (Index e = 0; e < length; ++e)
      columns.push_back(static_cast<LocalIndex>(draw(operand_rows)));
    begin.push_back(static_cast<Index>(columns.size()));
  }
  const ConstView values = in(static_cast<Index>(columns.size()), 1);
  std::vector<Real> packed;
  for (Index e = 0; e < values.rows; ++e) packed.push_back(values(e, 0));
  LongRowList long_rows = cut_long_rows(begin);
  const Index* list = keep(std::move(long_rows.list));
  return {.rows = n,
          .n_own = n_own,
          .n_ghost = n_ghost,
          .row_begin = keep(std::move(begin)),
          .columns = keep(std::move(columns)),
          .values = keep(std::move(packed)),
          .entries = values.rows,
          .long_rows = long_rows.at(list)};
}

Segments Scene::segments() {
  std::vector<LocalIndex> rows, order;
  std::vector<Index> begin{0};
  for (Index r = n - 1; r >= 0; r -= 3) {
    Index length = r % 4 == 1 ? 0 : static_cast<Index>(draw(6));
    if (r == 12 || r == 16 || r == 19 || r == 112) length = kBusyRow + r;
    for (Index e = 0; e < length; ++e) {
      order.push_back(static_cast<LocalIndex>(draw(static_cast<std::uint64_t>(n))));
    }
    rows.push_back(static_cast<LocalIndex>(r));
    begin.push_back(static_cast<Index>(order.size()));
  }
  const std::size_t count = rows.size();
  const Index entries = begin.back();
  return {{keep(std::move(rows)), count}, keep(std::move(begin)), keep(std::move(order)), entries};
}

Masked Scene::masked(Index users, Index items) {
  std::vector<Index> begin{0};
  std::vector<LocalIndex> masked_items;
  for (Index u = 0; u < users; ++u) {
    for (Index c = u % 5; c < items; c += 7 + u % 3) {
      masked_items.push_back(static_cast<LocalIndex>(c));
    }
    begin.push_back(static_cast<Index>(masked_items.size()));
  }
  return {keep(std::move(begin)), keep(std::move(masked_items))};
}

TopK Scene::lists(Index users, Index k) {
  const bool strided = std::exchange(options_.strided, false);  // lists have no stride
  const View scores = make(users, k, true, true);
  options_.strided = strided;
  auto ids = std::make_shared<std::pmr::vector<Index>>(static_cast<std::size_t>(users * k), -1,
                                                       options_.memory);
  for (Index u = 0; u < users; ++u) {
    for (Index j = 0; j < k; ++j) {
      const bool filled = j < std::min<Index>(2, u % 4);
      scores(u, j) = filled ? Real(2) : -std::numeric_limits<Real>::infinity();
      if (filled) (*ids)[static_cast<std::size_t>(u * k + j)] = 1 + 3 * j;
    }
  }
  id_results_.push_back(ids);
  return {users, k, scores.data, ids->data()};
}

LaneOffsets Scene::lanes() {
  const Index* list = keep(std::vector<Index>{0, n / 3, n / 3, n - n / 4, n});
  return {list, 5};
}

std::vector<double> Scene::results() const {
  std::vector<double> all;
  const auto append = [&](const auto& buffers, auto value_of) {
    for (const auto& b : buffers) {
      if (!b->is_output) continue;
      const auto* data = b->memory.data() + kGuard;
      for (Index i = 0; i < b->rows; ++i) {
        for (Index j = 0; j < b->cols; ++j) all.push_back(value_of(data[i * b->stride + j]));
      }
    }
  };
  append(buffers_, [](Real x) { return static_cast<double>(x); });
  append(bf16_buffers_, [](std::uint16_t bits) { return static_cast<double>(widen(Bf16{bits})); });
  for (const auto& ids : id_results_) all.insert(all.end(), ids->begin(), ids->end());
  return all;
}

bool Scene::is_intact() const {
  const auto all_intact = [](const auto& buffers) {
    return std::ranges::all_of(buffers, [](const auto& b) { return test::is_intact(*b); });
  };
  return all_intact(buffers_) && all_intact(bf16_buffers_);
}

}  // namespace chorale::test
