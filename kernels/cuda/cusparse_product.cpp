#include "kernels/cuda/cusparse_product.h"

#include <cusparse.h>

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <tuple>

#include "kernels/cuda/cuda_check.h"

namespace chorale::cuda {
namespace {

void check(cusparseStatus_t status, const char* what) {
  if (status == CUSPARSE_STATUS_SUCCESS) return;
  throw Error(Exit::environment, fmt::format("{}: {}", what, cusparseGetErrorString(status)),
              "use the own sparse product, or another version of cuSPARSE");
}

class DeviceBytes {
 public:
  explicit DeviceBytes(std::size_t bytes) {
    cuda::check(cudaMalloc(&memory_, std::max<std::size_t>(bytes, 1)), "cudaMalloc for cuSPARSE");
  }
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;
  ~DeviceBytes() { cudaFree(memory_); }

  void* data() const { return memory_; }

 private:
  void* memory_ = nullptr;
};

cusparseSpMMAlg_t name_of(CusparseAlgorithm algorithm) {
  switch (algorithm) {
    case CusparseAlgorithm::csr1:
      return CUSPARSE_SPMM_CSR_ALG1;
    case CusparseAlgorithm::csr2:
      return CUSPARSE_SPMM_CSR_ALG2;
    case CusparseAlgorithm::csr3:
      return CUSPARSE_SPMM_CSR_ALG3;
  }
  return CUSPARSE_SPMM_ALG_DEFAULT;
}

// A row-major matrix, for one call.
class DenseDescriptor {
 public:
  explicit DenseDescriptor(ConstView x) {
    check(cusparseCreateDnMat(&descriptor_, x.rows, x.cols, x.stride, const_cast<Real*>(x.data),
                              CUDA_R_32F, CUSPARSE_ORDER_ROW),
          "cusparseCreateDnMat");
  }
  DenseDescriptor(const DenseDescriptor&) = delete;
  DenseDescriptor& operator=(const DenseDescriptor&) = delete;
  ~DenseDescriptor() { cusparseDestroyDnMat(descriptor_); }

  operator cusparseDnMatDescr_t() const { return descriptor_; }

 private:
  cusparseDnMatDescr_t descriptor_ = nullptr;
};

// One call of the library: y = A x + beta y.
struct Call {
  cusparseHandle_t handle;
  cusparseSpMMAlg_t algorithm;
  cusparseDnMatDescr_t x, y;
  float beta;
};

// A matrix made ready for one number of columns: row_begin in 32 bits, as the columns are, and the
// buffer in which the library keeps what it found.
class Prepared {
 public:
  Prepared(Queue& queue, const CsrView& a, const Call& call)
      : begin_(static_cast<std::size_t>(a.rows + 1) * sizeof(std::int32_t)) {
    auto* begin = static_cast<std::int32_t*>(begin_.data());
    narrow(queue, {a.row_begin, static_cast<std::size_t>(a.rows) + 1}, begin);
    queue.stream();  // has it before what the library enqueues
    check(cusparseCreateCsr(&matrix_, a.rows, a.n_own, a.entries, begin,
                            const_cast<LocalIndex*>(a.columns), const_cast<Real*>(a.values),
                            CUSPARSE_INDEX_32I, CUSPARSE_INDEX_32I, CUSPARSE_INDEX_BASE_ZERO,
                            CUDA_R_32F),
          "cusparseCreateCsr");
    try {
      std::size_t bytes = 0;
      check(cusparseSpMM_bufferSize(call.handle, kAsItStands, kAsItStands, &kOne, matrix_, call.x,
                                    &call.beta, call.y, CUDA_R_32F, call.algorithm, &bytes),
            "cusparseSpMM_bufferSize");
      buffer_ = std::make_unique<DeviceBytes>(bytes);
      check(
          cusparseSpMM_preprocess(call.handle, kAsItStands, kAsItStands, &kOne, matrix_, call.x,
                                  &call.beta, call.y, CUDA_R_32F, call.algorithm, buffer_->data()),
          "cusparseSpMM_preprocess");
    } catch (...) {
      cusparseDestroySpMat(matrix_);
      throw;
    }
  }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  ~Prepared() { cusparseDestroySpMat(matrix_); }

  void run(const Call& call) const {
    check(cusparseSpMM(call.handle, kAsItStands, kAsItStands, &kOne, matrix_, call.x, &call.beta,
                       call.y, CUDA_R_32F, call.algorithm, buffer_->data()),
          "cusparseSpMM");
  }

 private:
  static constexpr cusparseOperation_t kAsItStands = CUSPARSE_OPERATION_NON_TRANSPOSE;
  static constexpr float kOne = 1;

  DeviceBytes begin_;
  std::unique_ptr<DeviceBytes> buffer_;
  cusparseSpMatDescr_t matrix_ = nullptr;
};

class CusparseProduct final : public SparseLibrary {
 public:
  CusparseProduct(Queue& queue, CusparseAlgorithm algorithm)
      : queue_(queue), algorithm_(name_of(algorithm)) {
    check(cusparseCreate(&handle_), "cusparseCreate");
    check(cusparseSetStream(handle_, static_cast<cudaStream_t>(queue.stream())),
          "cusparseSetStream");
  }
  CusparseProduct(const CusparseProduct&) = delete;
  CusparseProduct& operator=(const CusparseProduct&) = delete;
  ~CusparseProduct() override {
    prepared_.clear();
    cusparseDestroy(handle_);
  }

  bool takes(const CsrView& a, Index cols) const override {
    constexpr Index kMost = std::numeric_limits<std::int32_t>::max();
    return a.n_ghost == 0 && a.rows > 0 && a.rows < kMost && cols > 0 && a.entries > 0 &&
           a.entries <= kMost;
  }

  void multiply(const CsrView& a, ConstView x, bool add, View y) override {
    queue_.stream();  // has what the product stands behind
    const DenseDescriptor dense_x(x), dense_y(y);
    const Call call{handle_, algorithm_, dense_x, dense_y, add ? 1.0f : 0.0f};
    const Key key{a.row_begin, a.columns, a.values, a.rows, a.n_own, a.entries, y.cols};
    auto found = prepared_.find(key);
    if (found == prepared_.end()) found = prepared_.try_emplace(key, queue_, a, call).first;
    found->second.run(call);
  }

  void forget(const void* memory, std::size_t bytes) override {
    const auto first = reinterpret_cast<std::uintptr_t>(memory);
    const auto stood_there = [&](const void* array) {
      return reinterpret_cast<std::uintptr_t>(array) - first < bytes;
    };
    std::erase_if(prepared_, [&](const auto& entry) {
      const Key& key = entry.first;
      return stood_there(std::get<0>(key)) || stood_there(std::get<1>(key)) ||
             stood_there(std::get<2>(key));
    });
  }

 private:
  // row_begin, columns, values; rows, own columns, entries; columns of the operand
  using Key = std::tuple<const Index*, const LocalIndex*, const Real*, Index, Index, Index, Index>;

  Queue& queue_;
  cusparseSpMMAlg_t algorithm_;
  cusparseHandle_t handle_ = nullptr;
  std::map<Key, Prepared> prepared_;
};

}  // namespace

std::unique_ptr<SparseLibrary> make_cusparse_product(Queue& queue, CusparseAlgorithm algorithm) {
  return std::make_unique<CusparseProduct>(queue, algorithm);
}

}  // namespace chorale::cuda
