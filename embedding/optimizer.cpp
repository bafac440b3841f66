// The registry of optimizers and the options they take.
#include "embedding/optimizer.h"

#include <fmt/ranges.h>

#include <cmath>

#include "kernels/check.h"

namespace chorale {
namespace {

// Filled before main by the registrations of embedding/optimizers, only read afterwards.
std::map<std::string, OptimizerFactory, std::less<>>& registry() {
  static std::map<std::string, OptimizerFactory, std::less<>> optimizers;
  return optimizers;
}

}  // namespace

double Options::take(const std::string& name, double otherwise) {
  known_.push_back(name);
  const auto found = values_.find(name);
  if (found == values_.end()) return otherwise;
  const double value = found->second;
  values_.erase(found);
  require_user(std::isfinite(value), Exit::usage, "give a finite number", "option {} is {}", name,
               value);
  return value;
}

void Options::finish(std::string_view owner) const {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : values_) unknown.push_back(name);
  require_user(unknown.empty(), Exit::usage,
               fmt::format("{} knows: {}", owner, fmt::join(known_, ", ")),
               "{} does not know the option {}", owner, fmt::join(unknown, ", "));
}

OptimizerRegistration::OptimizerRegistration(std::string name, OptimizerFactory factory) {
  const bool added = registry().emplace(std::move(name), std::move(factory)).second;
  require(added, "two optimizers are registered under one name");
}

std::unique_ptr<Optimizer> make_optimizer(std::string_view name, Options options) {
  const auto found = registry().find(name);
  require_user(found != registry().end(), Exit::usage,
               fmt::format("known optimizers: {}", fmt::join(optimizer_names(), ", ")),
               "there is no optimizer \"{}\"", name);
  auto optimizer = found->second(options);
  options.finish(name);
  return optimizer;
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : registry()) names.push_back(name);
  return names;
}

}  // namespace chorale
