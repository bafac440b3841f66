// cuSPARSE's product of a CSR matrix with a row-major matrix, as a SparseLibrary.
#pragma once

#include <memory>

#include "kernels/cuda/sparse_library.h"

namespace chorale::cuda {

enum class CusparseAlgorithm { csr1, csr2, csr3 };  // csr2 is made for row-major matrices

// Enqueues on the queue, which must outlive it. The first product of a matrix by a number of
// columns prepares: it allocates device memory, which no Device counts.
std::unique_ptr<SparseLibrary> make_cusparse_product(
    Queue& queue, CusparseAlgorithm algorithm = CusparseAlgorithm::csr2);

}  // namespace chorale::cuda
