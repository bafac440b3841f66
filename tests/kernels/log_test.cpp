// The log of a process whose ranks are threads.
#include "kernels/log.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace chorale::test {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(log_suite)

// One process, one logger: a file that is added gets what anybody says from then on.
BOOST_AUTO_TEST_CASE(ranks_that_are_threads_add_their_files_while_others_log) {
  const TemporaryFolder folder;
  constexpr int kRanks = 8, kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::jthread> ranks;
    for (int r = 0; r < kRanks; ++r) {
      ranks.emplace_back([&, r] {
        add_log_file(folder.path().string(), round * kRanks + r);
        log_debug("rank {} of round {}", r, round);
      });
    }
  }
  log_warning("the end");  // warnings are flushed

  for (int r = 0; r < kRanks * kRounds; ++r) {
    const std::string text = text_of(folder.path() / fmt::format("rank-{:04}.log", r));
    BOOST_TEST(text.find(fmt::format("rank {} of round {}\n", r % kRanks, r / kRanks)) !=
               std::string::npos);
    BOOST_TEST(text.find("the end") != std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test
