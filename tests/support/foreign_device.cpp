#include "tests/support/foreign_device.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <vector>

#include "kernels/check.h"
#include "kernels/cpu/cpu_kernels.h"
#include "tests/support/closed_region.h"

namespace chorale::test {
namespace {

// What was enqueued and has not been done.
using Stream = std::deque<std::function<void()>>;

template <class T>
std::vector<T> copy_of(std::span<const T> host) {
  return {host.begin(), host.end()};
}

// Every call is put off, with its arguments by value: of host memory the numbers, of device memory
// the address.
class LateKernels final : public Kernels {
 public:
  // Asked of every call: whether it is done at once.
  LateKernels(Stream& stream, const ClosedRegion& region) : stream_(stream), region_(region) {}

  void put_off(bool later) { is_put_off_ = later; }

  void fill(Real value, View y) const override {
    later([=, this] { now_.fill(value, y); });
  }
  void copy(ConstView x, View y) const override {
    later([=, this] { now_.copy(x, y); });
  }
  void axpy(Real a, ConstView x, View y) const override {
    later([=, this] { now_.axpy(a, x, y); });
  }
  void axpy_rows(Real a, ConstView x, Rows rows, View y) const override {
    later([=, this] { now_.axpy_rows(a, x, rows, y); });
  }
  void scale(Real a, View y) const override {
    later([=, this] { now_.scale(a, y); });
  }
  void multiply(ConstView x, ConstView z, View y) const override {
    later([=, this] { now_.multiply(x, z, y); });
  }
  void multiply_add(ConstView x, ConstView z, View y) const override {
    later([=, this] { now_.multiply_add(x, z, y); });
  }
  void sum_of(Real a, std::span<const ConstView> xs, View y) const override {
    later([=, this, xs = copy_of(xs)] { now_.sum_of(a, xs, y); });
  }
  void map(Scalar f, Real parameter, ConstView x, View y) const override {
    later([=, this] { now_.map(f, parameter, x, y); });
  }
  void map_slope(Scalar f, Real parameter, ConstView x, ConstView dy, View dx) const override {
    later([=, this] { now_.map_slope(f, parameter, x, dy, dx); });
  }
  void dropout(const DropoutMask& mask, const Index* global_row, ConstView x,
               View y) const override {
    later([=, this] { now_.dropout(mask, global_row, x, y); });
  }
  void dropout_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                   View y) const override {
    later([=, this] { now_.dropout_add(mask, global_row, x, y); });
  }
  void gemm(ConstView x, ConstView w, View y) const override {
    later([=, this] { now_.gemm(x, w, y); });
  }
  void gemm_nt(ConstView dy, ConstView w, View dx) const override {
    later([=, this] { now_.gemm_nt(dy, w, dx); });
  }
  void gemm_tn(ConstView x, ConstView dy, View dw) const override {
    later([=, this] { now_.gemm_tn(x, dy, dw); });
  }
  void add_row(ConstView b, View y) const override {
    later([=, this] { now_.add_row(b, y); });
  }
  void column_sums(ConstView x, View b) const override {
    later([=, this] { now_.column_sums(x, b); });
  }
  void bi_interaction(const BiInteraction& layer, ConstView e, ConstView n, std::uint8_t* bits,
                      View y) const override {
    later([=, this] { now_.bi_interaction(layer, e, n, bits, y); });
  }
  void bi_interaction_grad(const BiInteraction& layer, ConstView e, ConstView n,
                           const std::uint8_t* bits, ConstView dy, LaneOffsets lanes, bool add,
                           View de, View dn, const BiInteractionWeights& dw) const override {
    later([=, this, lanes = copy_of(lanes)] {
      now_.bi_interaction_grad(layer, e, n, bits, dy, lanes, add, de, dn, dw);
    });
  }
  void gather_names(std::span<const Index> names, Rows rows, Index* to) const override {
    later([=, this] { now_.gather_names(names, rows, to); });
  }
  void normalize_rows(ConstView x, View y, View inverse) const override {
    later([=, this] { now_.normalize_rows(x, y, inverse); });
  }
  void normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy, View dx) const override {
    later([=, this] { now_.normalize_rows_grad(y, inverse, dy, dx); });
  }
  void gather_rows(ConstView x, Rows rows, View y) const override {
    later([=, this] { now_.gather_rows(x, rows, y); });
  }
  void scatter_rows(ConstView x, Rows rows, View y) const override {
    later([=, this] { now_.scatter_rows(x, rows, y); });
  }
  void add_segments(ConstView y, const Segments& segments, View x) const override {
    later([=, this] { now_.add_segments(y, segments, x); });
  }
  void row_dots(ConstView x, ConstView y, View out) const override {
    later([=, this] { now_.row_dots(x, y, out); });
  }
  void add_scaled_rows(ConstView c, ConstView x, View y) const override {
    later([=, this] { now_.add_scaled_rows(c, x, y); });
  }
  void drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x,
                 View y) const override {
    later([=, this] { now_.drop_rows(mask, global_row, x, y); });
  }
  void drop_rows_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                     View y) const override {
    later([=, this] { now_.drop_rows_add(mask, global_row, x, y); });
  }
  void add_noise(const Noise& noise, const Index* global_row, ConstView x, View y) const override {
    later([=, this] { now_.add_noise(noise, global_row, x, y); });
  }
  void scale_rows_by_norm(Real exponent, ConstView x, View y) const override {
    later([=, this] { now_.scale_rows_by_norm(exponent, x, y); });
  }
  void spmm(const CsrView& a, ConstView x, ConstView ghost, View y) const override {
    later([=, this] { now_.spmm(a, x, ghost, y); });
  }
  void spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const override {
    later([=, this] { now_.spmm_add(a, x, ghost, y); });
  }
  void spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost, View y) const override {
    later([=, this] { now_.spmm_rows(a, rows, x, ghost, y); });
  }
  void spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                   ConstView ghost, View y) const override {
    later([=, this] { now_.spmm_marked(a, marks, ghost_marks, x, ghost, y); });
  }
  void to_bf16(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y) const override {
    later([=, this] { now_.to_bf16(a, x, rows, add, y); });
  }
  void axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y) const override {
    later([=, this] { now_.axpy_bf16(a, x, rows, y); });
  }
  void gather_bf16(ConstBf16View x, Rows rows, Bf16View y) const override {
    later([=, this] { now_.gather_bf16(x, rows, y); });
  }
  void spmm_bf16(const CsrView& a, const Bf16Product& p) const override {
    later([=, this] { now_.spmm_bf16(a, p); });
  }
  void bpr(ConstView u, ConstView p, ConstView n, LaneOffsets lanes, View slope,
           View value) const override {
    later([=, this, lanes = copy_of(lanes)] { now_.bpr(u, p, n, lanes, slope, value); });
  }
  void bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n, View du,
                View dp, View dn) const override {
    later([=, this] { now_.bpr_grad(a, slope, u, p, n, du, dp, dn); });
  }
  void half_squares(ConstView x, LaneOffsets lanes, View value) const override {
    later([=, this, lanes = copy_of(lanes)] { now_.half_squares(x, lanes, value); });
  }
  void lane_totals(ConstView x, LaneOffsets lanes, View value) const override {
    later([=, this, lanes = copy_of(lanes)] { now_.lane_totals(x, lanes, value); });
  }
  void axpy_by(ConstView a, ConstView x, View y) const override {
    later([=, this] { now_.axpy_by(a, x, y); });
  }
  void exp_sums(const Pairs& pairs, ConstView a, ConstView b, Index first, View y) const override {
    later([=, this] { now_.exp_sums(pairs, a, b, first, y); });
  }
  void exp_sums_grad(const Pairs& pairs, ConstView a, ConstView b, ConstView g, Index a_first,
                     View da, Index b_first, View db) const override {
    later([=, this] { now_.exp_sums_grad(pairs, a, b, g, a_first, da, b_first, db); });
  }
  void exp_self_sums(const Pairs& pairs, ConstView a, Index first, View y) const override {
    later([=, this] { now_.exp_self_sums(pairs, a, first, y); });
  }
  void exp_self_sums_grad(const Pairs& pairs, ConstView a, ConstView g, Index first,
                          View da) const override {
    later([=, this] { now_.exp_self_sums_grad(pairs, a, g, first, da); });
  }
  void max_products(const Pairs& pairs, ConstView a, ConstView b, Index first,
                    View y) const override {
    later([=, this] { now_.max_products(pairs, a, b, first, y); });
  }
  void grouped_gemm(ConstView x, Groups begin, ConstView w, View y) const override {
    later([=, this, begin = copy_of(begin)] { now_.grouped_gemm(x, begin, w, y); });
  }
  void grouped_gemm_nt(ConstView dy, Groups begin, ConstView w, View dx) const override {
    later([=, this, begin = copy_of(begin)] { now_.grouped_gemm_nt(dy, begin, w, dx); });
  }
  void grouped_gemm_tn(ConstView x, Groups begin, ConstView dy, View dw) const override {
    later([=, this, begin = copy_of(begin)] { now_.grouped_gemm_tn(x, begin, dy, dw); });
  }
  void dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y) const override {
    later([=, this] { now_.dot_pairs(pairs, x, z, y); });
  }
  void segment_softmax(std::span<const Index> row_begin, ConstView x, View y) const override {
    later([=, this] { now_.segment_softmax(row_begin, x, y); });
  }
  void transr(ConstView h, ConstView r, ConstView t, ConstView n, LaneOffsets lanes, View slope,
              View value) const override {
    later([=, this, lanes = copy_of(lanes)] { now_.transr(h, r, t, n, lanes, slope, value); });
  }
  void transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t, ConstView n,
                   View dh, View dr, View dt, View dn) const override {
    later([=, this] { now_.transr_grad(a, slope, h, r, t, n, dh, dr, dt, dn); });
  }
  void sgd(const UpdateOptions& o, ConstView g, Rows rows, View w) const override {
    later([=, this] { now_.sgd(o, g, rows, w); });
  }
  void adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s) const override {
    later([=, this] { now_.adagrad(o, g, rows, w, s); });
  }
  void rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w,
                       View s) const override {
    later([=, this] { now_.rowwise_adagrad(o, g, rows, w, s); });
  }
  void adam(const UpdateOptions& o, ConstView g, View w, View m, View v) const override {
    later([=, this] { now_.adam(o, g, w, m, v); });
  }
  void update_top_k(ConstView users, ConstView items, const Index* item_ids, const Masked& masked,
                    TopK best) const override {
    later([=, this] { now_.update_top_k(users, items, item_ids, masked, best); });
  }

 private:
  void later(std::function<void()> work) const {
    if (is_put_off_) return stream_.push_back(std::move(work));
    const ClosedRegion::Opened opened(region_);
    work();
  }

  Stream& stream_;
  const ClosedRegion& region_;
  bool is_put_off_ = true;
  CpuKernels now_{1};
};

class LateDevice final : public ForeignDevice {
 public:
  const Kernels& kernels() const override { return kernels_; }

  void* allocate(std::size_t bytes) override {
    void* memory = region_.take(bytes);
    count_allocation(bytes);
    poison_later(memory, bytes);
    return memory;
  }
  // Blocks are given out again at once: what the next owner enqueues stands behind the work for
  // which this one was needed.
  void release(void* memory, std::size_t bytes) noexcept override {
    count_release(bytes);
    poison_later(memory, bytes);
    region_.give_back(memory, bytes);
  }

  void release_host(void* memory, std::size_t bytes) noexcept override {
    work_until(done_ + stream_.size());
    Device::release_host(memory, bytes);
  }

  void upload(void* to, const void* from, std::size_t bytes) override {
    if (is_aside_) {
      const ClosedRegion::Opened opened(region_);
      if (bytes > 0) std::memcpy(to, from, bytes);
      return;
    }
    const auto* first = static_cast<const std::byte*>(from);
    stream_.push_back([to, taken = std::vector<std::byte>(first, first + bytes)] {
      if (!taken.empty()) std::memcpy(to, taken.data(), taken.size());
    });
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    stream_.push_back([=] {
      if (bytes > 0) std::memcpy(to, from, bytes);
    });
    synchronize();
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    stream_.push_back([=] {
      if (bytes > 0) std::memcpy(to, from, bytes);
    });
  }
  std::unique_ptr<Landing> make_landing() override { return std::make_unique<LateLanding>(*this); }
  // What runs aside runs as early as it may: before all that was enqueued since the mark.
  Index mark() override { return static_cast<Index>(done_ + stream_.size()); }
  void begin_aside(Index mark) override {
    work_until(static_cast<std::uint64_t>(mark));
    is_aside_ = true;
    kernels_.put_off(false);
  }
  void end_aside() override {
    is_aside_ = false;
    kernels_.put_off(true);
  }
  std::uint64_t waits() const override { return waits_; }
  void synchronize() override { run_until(done_ + stream_.size()); }

 private:
  // Does what was enqueued up to the fetch, and no more.
  class LateLanding final : public Landing {
   public:
    explicit LateLanding(LateDevice& device) : device_(device) {}

    void fetch(const void* from, std::size_t bytes) override {
      memory_->resize(bytes);
      device_.stream_.push_back([=, to = memory_] {
        if (bytes > 0) std::memcpy(to->data(), from, bytes);
      });
      until_ = device_.done_ + device_.stream_.size();
    }
    std::span<const std::byte> arrived() override {
      if (device_.done_ < until_) device_.run_until(until_);
      return *memory_;
    }

   private:
    LateDevice& device_;
    std::shared_ptr<std::vector<std::byte>> memory_ = std::make_shared<std::vector<std::byte>>();
    std::uint64_t until_ = 0;
  };

  void run_until(std::uint64_t count) {
    ++waits_;
    work_until(count);
  }
  void work_until(std::uint64_t count) {
    const ClosedRegion::Opened opened(region_);
    for (; done_ < count; ++done_) {
      stream_.front()();
      stream_.pop_front();
    }
  }
  void poison_later(void* memory, std::size_t bytes) {
    stream_.push_back([=] { std::memset(memory, kPoison, bytes); });
  }

  ClosedRegion region_;
  Stream stream_;
  LateKernels kernels_{stream_, region_};
  bool is_aside_ = false;
  std::uint64_t done_ = 0;  // of what was ever enqueued
  std::uint64_t waits_ = 0;
};

}  // namespace

std::unique_ptr<ForeignDevice> make_foreign_device() { return std::make_unique<LateDevice>(); }

}  // namespace chorale::test
