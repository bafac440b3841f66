// Inputs and outputs of one kernel call, the same for every backend that is given the same scene:
// contents are a function of the scene's seed and of the order of asking. Every buffer has
// sentinels before, behind and (if strided) between its rows.
#pragma once

#include <memory>
#include <memory_resource>
#include <vector>

#include "kernels/device.h"
#include "kernels/kernels.h"

namespace chorale::test {

struct SceneOptions {
  Index n = 1, d = 1;
  bool exact = true;     // integers in [-8, 8]; otherwise uniform in [-1, 1]
  bool strided = false;  // rows stand three elements apart
  // Where buffers and lists lie: memory that the host and the backend reach.
  std::pmr::memory_resource* memory = std::pmr::get_default_resource();
  Device* device = nullptr;  // whose work is waited for before results are read
};

class Scene {
 public:
  explicit Scene(const SceneOptions& options) : n(options.n), d(options.d), options_(options) {}

  const Index n, d;
  bool is_exact() const { return options_.exact; }

  ConstView in(Index rows, Index cols) { return make(rows, cols, false, false); }
  View out(Index rows, Index cols) { return make(rows, cols, true, false); }
  View state(Index rows, Index cols) {
    return make(rows, cols, true, true);
  }  // an output, not negative
  ConstBf16View in_bf16(Index rows, Index cols) { return make_bf16(rows, cols, false); }
  Bf16View out_bf16(Index rows, Index cols) { return make_bf16(rows, cols, true); }

  // Lists that live as long as the scene.
  template <class T>
  const T* keep(std::vector<T> list) {
    auto held = std::make_shared<std::pmr::vector<T>>(options_.memory);
    held->reserve(list.size() + 1);  // an empty list has an address too
    held->assign(list.begin(), list.end());
    lists_.push_back(held);
    return held->data();
  }

  CsrView sparse(Index n_own,
                 Index n_ghost);  // n rows: some empty, one of 10,007 entries when n > 30
  Segments segments();            // of n rows into n rows
  Masked masked(Index users, Index items);
  TopK lists(Index users, Index k);  // partly filled
  LaneOffsets lanes();               // of n rows; one lane is empty

  void wait() const {
    if (options_.device != nullptr) options_.device->synchronize();
  }
  std::vector<double> results() const;
  bool is_intact() const;  // sentinels and inputs are as they were

 private:
  template <class T>
  struct Buffer {
    std::pmr::vector<T> memory;
    std::vector<T> before;
    Index rows, cols, stride;
    bool is_output;
  };
  template <class T>
  using Buffers = std::vector<std::unique_ptr<Buffer<T>>>;

  // A buffer of sentinels, the last of `buffers`, and where its first row begins.
  template <class T>
  T* add_buffer(Buffers<T>& buffers, Index rows, Index cols, T sentinel, bool is_output);
  View make(Index rows, Index cols, bool is_output, bool is_positive);
  Bf16View make_bf16(Index rows, Index cols, bool is_output);
  double draw_number();
  std::uint64_t draw(std::uint64_t below);

  SceneOptions options_;
  std::uint64_t draws_ = 0;
  Buffers<Real> buffers_;
  Buffers<std::uint16_t> bf16_buffers_;
  std::vector<std::shared_ptr<void>> lists_;
  std::vector<std::shared_ptr<std::pmr::vector<Index>>> id_results_;
};

}  // namespace chorale::test
