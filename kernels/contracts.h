// The checks behind CheckedKernels, one per kind of promise a kernel's caller makes.
#pragma once

#include <string_view>

#include "kernels/kernels.h"

namespace chorale {

// The promises of one call of one kernel. Arguments are named in messages.
class Contract {
 public:
  explicit Contract(std::string_view kernel) : kernel_(kernel) {}

  void shape(std::string_view name, ConstView x, Index rows, Index cols) const;
  void shape(std::string_view name, ConstBf16View x, Index rows, Index cols) const;
  void equal(std::string_view what, Index found, Index expected) const;
  void between(std::string_view what, Index found, Index least, Index end) const;  // [least, end)
  void apart(std::string_view name, ConstView output, ConstView input) const;      // no overlap
  void apart(std::string_view name, ConstBf16View output, ConstBf16View input) const;
  void row_list(std::string_view name, Rows rows, Index end, bool distinct) const;
  void lanes(LaneOffsets lanes, Index rows) const;
  void groups(Groups begin, Index rows, Index matrices) const;
  void pairs(const RowPairs& pairs, ConstView x, ConstView z, ConstView y) const;
  void csr(const CsrView& a, ConstView x, ConstView ghost, Index cols) const;
  void csr(const CsrView& a) const;  // the matrix alone
  void segments(const Segments& s, Index rows, Index destination_rows) const;
  void rate(std::string_view what, Real found) const;  // in [0, 1)
  void finite(std::string_view name, ConstView output) const;
  void finite(std::string_view name, ConstBf16View output) const;
  void top_k(const TopK& best, Index users) const;
  void masked(const Masked& masked, Index users, Index items) const;

 private:
  template <class Matrix>
  void shape_of(std::string_view name, const Matrix& x, Index rows, Index cols) const;

  std::string_view kernel_;
};

}  // namespace chorale
