// Every kernel, by table: backends against the reference, odd sizes, strides, sentinels, threads.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>
#include <regex>
#include <set>
#include <string>

#include "kernels/checked_kernels.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/reference/reference_kernels.h"
#include "kernels/timed_kernels.h"
#include "tests/kernels/agreement.h"

namespace chorale::test {
namespace {

constexpr Index kWidths[] = {1, 7, 16, 63, 64, 65, 130};
constexpr Index kHeights[] = {0, 1, 7, 37, 101};

std::set<std::string> declared_kernels() {
  std::ifstream file(CHORALE_SOURCE_DIR "/kernels/kernels.h");
  BOOST_REQUIRE(file.good());
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::regex declaration("virtual void ([a-z_0-9]+)\\(");
  std::set<std::string> names;
  for (std::sregex_iterator m(text.begin(), text.end(), declaration), end; m != end; ++m) {
    names.insert((*m)[1]);
  }
  return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(catalogue_suite)

BOOST_AUTO_TEST_CASE(every_declared_kernel_has_a_row) {
  std::set<std::string> tested;
  for (const CatalogueRow& row : catalogue()) tested.insert(row.name);

  const std::set<std::string> declared = declared_kernels();

  BOOST_TEST(declared.size() >= 50u);
  BOOST_TEST(tested == declared, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cpu_equals_reference) {
  const ReferenceKernels reference;
  const CpuKernels cpu(1);
  for (const CatalogueRow& row : catalogue()) {
    for (Index n : kHeights) {
      for (Index d : kWidths) {
        for (bool exact : {true, false}) {
          for (bool strided : {true, false}) {
            compare(reference, cpu, row, {.n = n, .d = d, .exact = exact, .strided = strided});
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(cpu_equals_reference_on_long_sums) {
  const ReferenceKernels reference;
  const CpuKernels cpu(1);
  for (const CatalogueRow& row : catalogue()) {
    for (bool exact : {true, false}) {
      compare(reference, cpu, row, {.n = 9, .d = 601, .exact = exact});
      compare(reference, cpu, row, {.n = 601, .d = 9, .exact = exact});
    }
  }
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_number_of_threads) {
  const CpuKernels one(1), two(2), three(3);
  for (const CatalogueRow& row : catalogue()) {
    for (Index d : {17, 64}) {
      const SceneOptions options{.n = 2003, .d = d, .exact = false};

      const std::vector<double> expected = run(one, row, options);

      BOOST_TEST(equal_bits(expected, run(two, row, options)), row.name << " on 2 threads");
      BOOST_TEST(equal_bits(expected, run(three, row, options)), row.name << " on 3 threads");
    }
  }
}

BOOST_AUTO_TEST_CASE(valid_calls_pass_the_checks_and_keep_their_results) {
  const CpuKernels cpu(1);
  const std::unique_ptr<Kernels> checked = make_checked_kernels(cpu);
  for (const CatalogueRow& row : catalogue()) {
    for (bool strided : {true, false}) {
      for (Index n : {0, 37}) {
        const SceneOptions options{.n = n, .d = 7, .exact = false, .strided = strided};
        BOOST_TEST(equal_bits(run(cpu, row, options), run(*checked, row, options)), row.name);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(timed_kernels_count_under_the_names_of_the_catalogue) {
  const ReferenceKernels reference;
  const TimedKernels timed(reference);
  for (const CatalogueRow& row : catalogue()) {
    const SceneOptions options{.n = 7, .d = 7};
    BOOST_TEST(equal_bits(run(reference, row, options), run(timed, row, options)), row.name);
  }

  std::set<std::string> names;
  double last = std::numeric_limits<double>::max();
  for (const KernelTime& t : timed.times()) {
    names.emplace(t.name);
    BOOST_TEST(t.calls > 0u);
    BOOST_TEST(t.bytes > 0);
    BOOST_TEST(t.seconds <= last);
    last = t.seconds;
  }

  BOOST_TEST(names == declared_kernels(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test
