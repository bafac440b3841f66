// Optimizers. To add one, write embedding/optimizers/<name>.cpp: the constructor takes its numbers
// from Options, `state` names its columns, `update` calls kernels; end with an
// OptimizerRegistration.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/kernels.h"

namespace chorale {

class Table;

struct StateColumn {
  std::string name;  // "m"
  Index width;       // the table's width, or 1 for one number a row
  Real initial;
};

// Named numbers from the configuration. A name that nobody took is an error, so a typing slip
// cannot pass.
class Options {
 public:
  explicit Options(std::map<std::string, double> values) : values_(std::move(values)) {}
  double take(const std::string& name, double otherwise);
  // Throws Error (Exit::usage) naming what is left over and what `owner` knows.
  void finish(std::string_view owner) const;

 private:
  std::map<std::string, double> values_;
  std::vector<std::string> known_;
};

// One update of one table.
struct RowUpdate {
  View values;                  // (n, d)
  ConstView gradient;           // (n, d), or (rows.size(), d) if rows are given
  Rows rows;                    // empty: all rows
  std::span<const View> state;  // one view a column
  double rate;                  // learning rate of this step
  Index step;                   // 1 for the first
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual std::vector<StateColumn> state(Index cols) const = 0;
  // True if a row without a gradient moves too (Adam's momentum): then sparse gradients are made
  // dense.
  virtual bool moves_untouched_rows() const = 0;
  virtual void update(const Kernels& kernels, const RowUpdate& update) const = 0;
};

using OptimizerFactory = std::function<std::unique_ptr<Optimizer>(Options&)>;
struct OptimizerRegistration {
  OptimizerRegistration(std::string name, OptimizerFactory factory);
};
std::unique_ptr<Optimizer> make_optimizer(std::string_view name, Options options);
std::vector<std::string> optimizer_names();

}  // namespace chorale
