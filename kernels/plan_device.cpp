#include "kernels/plan_device.h"

#include <sys/mman.h>

#include <cstring>

#include "kernels/check.h"

namespace chorale {
namespace {

class NoKernels final : public Kernels {
 public:
  void fill(Real, View) const override {}
  void copy(ConstView, View) const override {}
  void axpy(Real, ConstView, View) const override {}
  void axpy_rows(Real, ConstView, Rows, View) const override {}
  void scale(Real, View) const override {}
  void multiply(ConstView, ConstView, View) const override {}
  void multiply_add(ConstView, ConstView, View) const override {}
  void sum_of(Real, std::span<const ConstView>, View) const override {}
  void map(Scalar, Real, ConstView, View) const override {}
  void map_slope(Scalar, Real, ConstView, ConstView, View) const override {}
  void dropout(const DropoutMask&, const Index*, ConstView, View) const override {}
  void dropout_add(const DropoutMask&, const Index*, ConstView, View) const override {}
  void gemm(ConstView, ConstView, View) const override {}
  void gemm_nt(ConstView, ConstView, View) const override {}
  void gemm_tn(ConstView, ConstView, View) const override {}
  void add_row(ConstView, View) const override {}
  void column_sums(ConstView, View) const override {}
  void bi_interaction(const BiInteraction&, ConstView, ConstView, std::uint8_t*,
                      View) const override {}
  void bi_interaction_grad(const BiInteraction&, ConstView, ConstView, const std::uint8_t*,
                           ConstView, LaneOffsets, bool, View, View,
                           const BiInteractionWeights&) const override {}
  void gather_names(std::span<const Index>, Rows, Index*) const override {}
  void normalize_rows(ConstView, View, View) const override {}
  void normalize_rows_grad(ConstView, ConstView, ConstView, View) const override {}
  void gather_rows(ConstView, Rows, View) const override {}
  void scatter_rows(ConstView, Rows, View) const override {}
  void add_segments(ConstView, const Segments&, View) const override {}
  void row_dots(ConstView, ConstView, View) const override {}
  void add_scaled_rows(ConstView, ConstView, View) const override {}
  void drop_rows(const DropoutMask&, const Index*, ConstView, View) const override {}
  void drop_rows_add(const DropoutMask&, const Index*, ConstView, View) const override {}
  void add_noise(const Noise&, const Index*, ConstView, View) const override {}
  void scale_rows_by_norm(Real, ConstView, View) const override {}
  void spmm(const CsrView&, ConstView, ConstView, View) const override {}
  void spmm_add(const CsrView&, ConstView, ConstView, View) const override {}
  void spmm_rows(const CsrView&, Rows, ConstView, ConstView, View) const override {}
  void spmm_marked(const CsrView&, ConstView, ConstView, ConstView, ConstView,
                   View) const override {}
  void to_bf16(Real, ConstView, const SomeRows&, bool, Bf16View) const override {}
  void axpy_bf16(Real, ConstBf16View, const SomeRows&, View) const override {}
  void gather_bf16(ConstBf16View, Rows, Bf16View) const override {}
  void spmm_bf16(const CsrView&, const Bf16Product&) const override {}
  void bpr(ConstView, ConstView, ConstView, LaneOffsets, View, View) const override {}
  void bpr_grad(ConstView, ConstView, ConstView, ConstView, ConstView, View, View,
                View) const override {}
  void half_squares(ConstView, LaneOffsets, View) const override {}
  void lane_totals(ConstView, LaneOffsets, View) const override {}
  void axpy_by(ConstView, ConstView, View) const override {}
  void exp_sums(const Pairs&, ConstView, ConstView, Index, View) const override {}
  void exp_sums_grad(const Pairs&, ConstView, ConstView, ConstView, Index, View, Index,
                     View) const override {}
  void exp_self_sums(const Pairs&, ConstView, Index, View) const override {}
  void exp_self_sums_grad(const Pairs&, ConstView, ConstView, Index, View) const override {}
  void max_products(const Pairs&, ConstView, ConstView, Index, View) const override {}
  void grouped_gemm(ConstView, Groups, ConstView, View) const override {}
  void grouped_gemm_nt(ConstView, Groups, ConstView, View) const override {}
  void grouped_gemm_tn(ConstView, Groups, ConstView, View) const override {}
  void dot_pairs(const RowPairs&, ConstView, ConstView, View) const override {}
  void segment_softmax(std::span<const Index>, ConstView, View) const override {}
  void transr(ConstView, ConstView, ConstView, ConstView, LaneOffsets, View, View) const override {}
  void transr_grad(ConstView, ConstView, ConstView, ConstView, ConstView, ConstView, View, View,
                   View, View) const override {}
  void sgd(const UpdateOptions&, ConstView, Rows, View) const override {}
  void adagrad(const UpdateOptions&, ConstView, Rows, View, View) const override {}
  void rowwise_adagrad(const UpdateOptions&, ConstView, Rows, View, View) const override {}
  void adam(const UpdateOptions&, ConstView, View, View, View) const override {}
  void update_top_k(ConstView, ConstView, const Index*, const Masked&, TopK) const override {}
};

class PlanDevice final : public Device {
 public:
  explicit PlanDevice(PlanKind kind) : kind_(kind) {}
  PlanKind kind() const { return kind_; }

  const Kernels& kernels() const override { return kernels_; }
  void* allocate(std::size_t bytes) override {
    count_allocation(bytes);
    return addresses(bytes);
  }
  void release(void* memory, std::size_t bytes) noexcept override {
    munmap(memory, bytes);
    count_release(bytes);
  }
  void* allocate_host(std::size_t bytes) override {
    count_host_allocation(bytes);
    return addresses(bytes);
  }
  void release_host(void* memory, std::size_t bytes) noexcept override {
    munmap(memory, bytes);
    count_host_release(bytes);
  }
  void upload(void*, const void*, std::size_t) override {}
  void download(void* to, const void*, std::size_t bytes) override { std::memset(to, 0, bytes); }
  void copy(void*, const void*, std::size_t) override {}
  void synchronize() override {}

 private:
  static void* addresses(std::size_t bytes) {
    void* first =
        mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(first != MAP_FAILED, "plan: no address space for {} bytes", bytes);
    return first;
  }

  PlanKind kind_;
  NoKernels kernels_;
};

}  // namespace

std::unique_ptr<Device> make_plan_device(PlanKind kind) {
  return std::make_unique<PlanDevice>(kind);
}

std::optional<PlanKind> plan_kind(const Device& device) {
  const auto* plans = dynamic_cast<const PlanDevice*>(&device);
  return plans != nullptr ? std::optional(plans->kind()) : std::nullopt;
}

}  // namespace chorale
