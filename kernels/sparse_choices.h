// Which of two sparse products multiplies which matrix, where a GPU measures what is faster.
//
// A choice decides the order of summation and so the bits: a run that is continued must be given
// those that it made before.
#pragma once

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>

#include "kernels/view.h"

namespace chorale {

class SparseChoices {
 public:
  // Of the product of `a` by so many columns. Matrices of one shape and number of entries share a
  // choice.
  static std::string name(const CsrView& a, Index cols) {
    return fmt::format("{}x{}.{}.{}", a.rows, a.n_own, a.entries, cols);
  }

  // Whether the library multiplies; nothing if that is not decided.
  std::optional<bool> by_library(const std::string& name) const {
    const auto found = by_library_.find(name);
    return found == by_library_.end() ? std::nullopt : std::optional(found->second);
  }
  void decide(const std::string& name, bool by_library) { by_library_[name] = by_library; }
  const std::map<std::string, bool>& all() const { return by_library_; }

 private:
  std::map<std::string, bool> by_library_;
};

}  // namespace chorale
