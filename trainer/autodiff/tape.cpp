#include "trainer/autodiff/tape.h"

#include <algorithm>
#include <iterator>

#include "comm/lane_sum.h"
#include "kernels/check.h"

namespace chorale {
namespace {

constexpr std::size_t kCaptureBlock = 16384;
constexpr std::size_t kCaptureAlignment = alignof(std::max_align_t);

}  // namespace

Layout Var::layout() const { return tape->nodes_[static_cast<std::size_t>(id)].layout; }
const Partition& Var::part() const { return *tape->nodes_[static_cast<std::size_t>(id)].part; }
ConstView Var::value() const { return tape->nodes_[static_cast<std::size_t>(id)].value; }
View Var::out() const { return tape->nodes_[static_cast<std::size_t>(id)].value; }
bool Var::wants_grad() const { return tape->nodes_[static_cast<std::size_t>(id)].wants_grad; }
Table* Var::leaf() const { return tape->nodes_[static_cast<std::size_t>(id)].leaf; }
const ChosenRows& Var::chosen() const {
  require(layout() == Layout::chosen, "chosen: the value holds all rows, or none");
  return *tape->nodes_[static_cast<std::size_t>(id)].chosen;
}

bool Var::has_rows() const { return layout() == Layout::rows || layout() == Layout::chosen; }
bool Var::has_rows_of(Var x) const {
  if (layout() != x.layout() || !has_rows()) return false;
  return layout() == Layout::chosen ? &chosen() == &x.chosen() : part() == x.part();
}
LaneOffsets Var::lane_offsets() const {
  return layout() == Layout::chosen ? LaneOffsets(chosen().lanes) : part().lane_offsets();
}

View Var::grad() const {
  Tape::Node& n = tape->nodes_[static_cast<std::size_t>(id)];
  if (n.leaf != nullptr) {
    require(n.layout == Layout::rows, "grad: {} is replicated; use lane_grads", n.leaf->name());
    return n.leaf->gradient().dense(tape->arena_, n.value.rows, n.value.cols);
  }
  if (n.grad.data == nullptr) {
    const bool scalar = n.layout == Layout::partial;
    n.grad = tape->arena_.take_view(scalar ? 1 : n.value.rows, n.value.cols);
    tape->kernels().fill(0, n.grad);
  }
  return n.grad;
}

bool Var::has_grad() const {
  const Tape::Node& n = tape->nodes_[static_cast<std::size_t>(id)];
  return n.leaf != nullptr ? n.leaf->gradient().is_dense() : n.grad.data != nullptr;
}

void Var::begin_grad(View sum) const {
  Tape::Node& n = tape->nodes_[static_cast<std::size_t>(id)];
  require(!has_grad() && sum.rows == n.value.rows && sum.cols == n.value.cols,
          "begin_grad: ({}, {}) for a value of ({}, {}), or it has a gradient", sum.rows, sum.cols,
          n.value.rows, n.value.cols);
  if (n.leaf == nullptr) {
    n.grad = sum;
    return;
  }
  require(n.layout == Layout::rows, "begin_grad: {} is replicated", n.leaf->name());
  n.leaf->gradient().begin_dense(sum);
}

void Var::add_grad(View sum) const {
  if (!has_grad()) return begin_grad(sum);
  tape->kernels().axpy(1, sum, grad());
  tape->arena_.give_back(sum);
}

View Var::lane_grads() const {
  const Tape::Node& n = tape->nodes_[static_cast<std::size_t>(id)];
  require(n.leaf != nullptr && n.layout == Layout::replicated, "lane_grads: not a replicated leaf");
  return n.leaf->gradient().lanes(tape->arena_, tape->lanes().local(), n.value.rows * n.value.cols);
}

Tape::Tape(Device& device, Communicator& comm, const Lanes& lanes, std::uint64_t seed)
    : device_(device),
      comm_(comm),
      lanes_only_(Partition::uniform(0, lanes)),
      arena_(device),
      seed_(seed) {}

void Tape::reset(Index step, bool training) {
  nodes_.clear();
  adjoints_.clear();
  chosen_.clear();
  lookups_.clear();
  looked_up_.clear();
  gathered_.clear();
  notes_.clear();
  capture_block_ = capture_used_ = 0;
  masks_ = 0;
  arena_.reset();
  step_ = step;
  training_ = training;
}

DropoutMask Tape::next_mask(double rate) {
  return {seed_, static_cast<std::uint64_t>(step_), masks_++, static_cast<Real>(rate)};
}

Var Tape::add_node(const Node& node) {
  nodes_.push_back(node);
  return {this, static_cast<int>(nodes_.size()) - 1};
}

Var Tape::leaf(Table& table) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].leaf == &table) return {this, static_cast<int>(i)};
  }
  table.begin_step();
  const Partition* part = table.layout() == Layout::rows ? &table.partition() : &lanes_only_;
  const bool only_gathered = training_ && table.tier() != nullptr;
  const View value =
      only_gathered ? View(nullptr, table.local_rows(), table.cols()) : table.whole();
  return add_node({value, {}, table.layout(), part, &table, true});
}

Var Tape::output_rows(const Partition& part, Index cols) {
  return add_node(
      {arena_.take_view(part.local_rows(), cols), {}, Layout::rows, &part, nullptr, false});
}

Var Tape::output_chosen(const Partition& part, const ChosenRows& rows, Index cols) {
  const View value = arena_.take_view(static_cast<Index>(rows.host.size()), cols);
  return add_node({value, {}, Layout::chosen, &part, nullptr, false, &rows});
}

Var Tape::output_like(Var x, Index cols) {
  require(x.has_rows(), "output_like: a value with rows only");
  return x.layout() == Layout::rows ? output_rows(x.part(), cols)
                                    : output_chosen(x.part(), x.chosen(), cols);
}

const ChosenRows* Tape::chosen_rows(const Partition& part,
                                    std::span<const IdColumn* const> gathered) {
  constexpr Index kFew = 3;  // one row in so many
  Index ids = 0;
  for (const IdColumn* column : gathered) ids += column->size();
  if (ids == 0 || ids * kFew > part.rows()) return nullptr;
  for (const auto& c : chosen_) {
    if (*c->part == part && std::ranges::equal(c->gathered, gathered)) return &c->rows;
  }

  auto chosen = std::make_unique<Chosen>();
  chosen->part = &part;
  chosen->gathered.assign(gathered.begin(), gathered.end());
  std::vector<LocalIndex>& rows = chosen->rows.host;
  std::vector<LocalIndex> before;
  for (const IdColumn* column : gathered) {
    before.swap(rows);
    rows.clear();
    std::ranges::set_union(before, lookup(*column, part).host_touched(), std::back_inserter(rows));
  }
  for (const Index begin : part.lane_offsets()) {
    chosen->rows.lanes.push_back(std::ranges::lower_bound(rows, begin) - rows.begin());
  }
  const std::size_t bytes = rows.size() * sizeof(LocalIndex);
  auto* memory = static_cast<LocalIndex*>(arena_.take(bytes));
  if (bytes > 0) device_.upload(memory, rows.data(), bytes);
  chosen->rows.rows = {memory, rows.size()};
  chosen_.push_back(std::move(chosen));
  return &chosen_.back()->rows;
}

Var Tape::output_partial() {
  return add_node(
      {arena_.take_view(lanes().local(), 1), {}, Layout::partial, &lanes_only_, nullptr, false});
}

void Tape::record(Var y, void (*run)(const void*), const void* capture) {
  nodes_[static_cast<std::size_t>(y.id)].wants_grad = true;
  adjoints_.push_back({y.id, run, capture});
}

void* Tape::store(std::size_t bytes) {
  bytes = (bytes + kCaptureAlignment - 1) / kCaptureAlignment * kCaptureAlignment;
  require(bytes <= kCaptureBlock, "tape: a capture of {} bytes; at most {}", bytes, kCaptureBlock);
  if (capture_used_ + bytes > kCaptureBlock) {
    ++capture_block_;
    capture_used_ = 0;
  }
  if (capture_block_ >= captures_.size()) {
    captures_.push_back(std::make_unique<std::byte[]>(kCaptureBlock));
  }
  std::byte* place = captures_[capture_block_].get() + capture_used_;
  capture_used_ += bytes;
  return place;
}

const RowExchange& Tape::lookup(const IdColumn& ids, const Partition& rows) {
  return lookup_once(ids, rows, nullptr,
                     [&] { return std::make_unique<RowExchange>(arena_, comm_, rows, ids.rows); });
}

const RowExchange& Tape::lookup(const IdColumn& ids, Var x) {
  if (x.layout() == Layout::chosen) {
    const RowExchange& all = lookup(ids, x.part());
    return lookup_once(ids, x.part(), &x.chosen(), [&] {
      return std::make_unique<RowExchange>(all.within(arena_, x.chosen().host));
    });
  }
  HostTier* tier = x.leaf() == nullptr ? nullptr : x.leaf()->tier();
  if (tier == nullptr) return lookup(ids, x.part());
  return lookup_once(ids, x.part(), tier, [&] {
    const PlaceRows place = [tier](std::span<LocalIndex> served) { return tier->place(served); };
    return std::make_unique<RowExchange>(arena_, comm_, x.part(), ids.rows, place);
  });
}

template <class Make>
const RowExchange& Tape::lookup_once(const IdColumn& ids, const Partition& rows, const void* holder,
                                     const Make& make) {
  for (const Lookup& l : lookups_) {
    if (l.ids == &ids && *l.rows == rows && l.holder == holder) return *l.exchange;
  }
  lookups_.push_back({&ids, &rows, holder, make()});
  return *lookups_.back().exchange;
}

const Var* Tape::find_rows(Var x, const IdColumn& ids) const {
  for (const LookedUp& l : looked_up_) {
    if (l.id == x.id && l.ids == &ids) return &l.rows;
  }
  return nullptr;
}

ConstView Tape::all_rows(Var x) {
  require(x.layout() == Layout::rows, "all_rows: rows only");
  for (const Gathered& g : gathered_) {
    if (g.id == x.id) return g.rows;
  }
  gathered_.push_back({x.id, all_rows(x.part(), x.value())});
  return gathered_.back().rows;
}

ConstView Tape::all_rows(const Partition& part, ConstView mine) {
  if (comm_.size() == 1) return mine;
  require(mine.is_contiguous(), "all_rows: rows of stride {} for {} columns", mine.stride,
          mine.cols);
  const View all = arena_.take_view(part.rows(), mine.cols);
  std::vector<Index> each;
  for (int r = 0; r < comm_.size(); ++r) {
    each.push_back((part.first(r + 1) - part.first(r)) * mine.cols *
                   static_cast<Index>(sizeof(Real)));
  }
  const std::span<const Real> own(mine.data, static_cast<std::size_t>(mine.size()));
  const std::span<Real> everything(all.data, static_cast<std::size_t>(all.size()));
  comm_.all_gather(std::as_bytes(own), std::as_writable_bytes(everything), each).wait();
  return all;
}

const Index* Tape::names_of(Var x, std::span<const Index> names) {
  if (x.layout() == Layout::rows) return names.data();
  const Rows rows = x.chosen().rows;
  auto* chosen = static_cast<Index*>(arena_.take(rows.size() * sizeof(Index)));
  kernels().gather_names(names, rows, chosen);
  return chosen;
}

double Tape::total(Var scalar) {
  require(scalar.layout() == Layout::partial, "total: a partial scalar only");
  std::vector<Real> mine(static_cast<std::size_t>(scalar.rows()));
  device_.download(mine.data(), scalar.value().data, mine.size() * sizeof(Real));
  const std::vector<double> partials(mine.begin(), mine.end());
  double sum = 0;
  lane_sum(comm_.host(), lanes(), partials, std::span(&sum, 1));
  return sum;
}

void Tape::send_totals(Var loss, Tally& tally) {
  require(loss.layout() == Layout::partial, "the loss must be a partial scalar");
  // Side by side: one copy for all.
  const View totals = arena_.take_view(loss.rows(), static_cast<Index>(notes_.size()) + 1);
  kernels().copy(loss.value(), totals.col_block(0, 1));
  std::vector<const char*> names;
  for (const auto& [name, scalar] : notes_) {
    names.push_back(name);
    const auto column = static_cast<Index>(names.size());
    kernels().copy(scalar.value(), totals.col_block(column, column + 1));
  }
  tally.send(totals, std::move(names));
  arena_.give_back(totals);
}

void Tape::release_grad(int id) {
  Node& n = nodes_[static_cast<std::size_t>(id)];
  if (n.grad.data != nullptr) arena_.give_back(n.grad);
  n.grad = {};
}

void Tape::backward(Var loss) {
  require(loss.layout() == Layout::partial, "backward: the loss must be a partial scalar");
  kernels().fill(1, loss.grad());
  for (auto a = adjoints_.rbegin(); a != adjoints_.rend(); ++a) {
    // No gradient arrived: the output does not reach the loss.
    if (nodes_[static_cast<std::size_t>(a->output)].grad.data == nullptr) continue;
    a->run(a->capture);
    release_grad(a->output);
  }
}

}  // namespace chorale
