// See agreement.h.
#include "tests/kernels/agreement.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>

namespace chorale::test {
namespace {

// Results of about sqrt(terms) in size, each term rounded once: terms * 4 sqrt(terms) * eps. Steps
// of optimizers add a few roundings of numbers of size one: four more terms.
double tolerance(Index terms) {
  const double t = static_cast<double>(terms) + 4;
  return 4 * t * std::sqrt(t) * static_cast<double>(std::numeric_limits<Real>::epsilon());
}

// The largest difference; infinite if only one of two numbers is finite.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double difference = a[i] == b[i] ? 0 : std::abs(a[i] - b[i]);
    worst = difference <= worst ? worst : difference;
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
  }
  return worst;
}

}  // namespace

std::vector<double> run(const Kernels& k, const CatalogueRow& row, const SceneOptions& options) {
  Scene scene(options);
  row.run(k, scene);
  scene.wait();
  BOOST_TEST(scene.is_intact(),
             row.name << " wrote where it must not, n = " << options.n << ", d = " << options.d);
  return scene.results();
}

bool equal_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

void compare(const Kernels& reference, const Kernels& other, const CatalogueRow& row,
             const SceneOptions& options) {
  const std::vector<double> expected = run(reference, row, options);
  const std::vector<double> found = run(other, row, options);
  const Index terms = row.terms(Scene(options));
  const bool must_be_equal = terms == 0 || (row.exact && options.exact);
  // Integers up to 8 make products of up to 64 instead of 1.
  const double allowed = must_be_equal ? 0 : tolerance(terms) * (options.exact ? 64 : 1);
  BOOST_TEST(distance(expected, found) <= allowed,
             row.name << ": differs by " << distance(expected, found) << ", allowed " << allowed
                      << ", n = " << options.n << ", d = " << options.d
                      << (options.exact ? ", integers" : ", reals")
                      << (options.strided ? ", strided" : ""));
}

}  // namespace chorale::test
