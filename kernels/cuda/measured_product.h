// The faster of two sparse products, for each matrix and number of columns: a SparseLibrary that
// times the own product and another library's when it first multiplies, and keeps to what it found.
#pragma once

#include <functional>
#include <memory>

#include "kernels/cuda/sparse_library.h"
#include "kernels/kernels.h"
#include "kernels/sparse_choices.h"

namespace chorale::cuda {

class MeasuredProduct final : public SparseLibrary {
 public:
  // The milliseconds that the GPU takes for what `work` enqueues, with nothing else under way.
  using Clock = std::function<double(const std::function<void()>& work)>;

  // `own` multiplies without a library; it and `choices` outlive this.
  MeasuredProduct(const Kernels& own, std::unique_ptr<SparseLibrary> library, Clock clock,
                  SparseChoices& choices)
      : own_(own), library_(std::move(library)), clock_(std::move(clock)), choices_(choices) {}

  bool takes(const CsrView& a, Index cols) const override;
  // What is prepared and measured takes device memory, which no Device counts.
  void multiply(const CsrView& a, ConstView x, bool add, View y) override;
  void forget(const void* memory, std::size_t bytes) override { library_->forget(memory, bytes); }

 private:
  bool measure(const CsrView& a, ConstView x, Index cols) const;  // is the library faster?

  const Kernels& own_;
  std::unique_ptr<SparseLibrary> library_;
  Clock clock_;
  SparseChoices& choices_;
};

}  // namespace chorale::cuda
