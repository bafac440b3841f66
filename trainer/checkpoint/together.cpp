// One rank's failure becomes everybody's: codes are gathered, the lowest rank's text is broadcast.
#include "trainer/checkpoint/together.h"

#include <filesystem>

#include "comm/typed.h"
#include "kernels/check.h"

namespace chorale {
namespace {

struct Failure {
  int code = 0;  // Exit::finished: none
  std::string message;
  std::string hint;
};

Failure run(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const Error& e) {
    return {static_cast<int>(e.code()), e.what(), e.hint()};
  } catch (const std::filesystem::filesystem_error& e) {
    return {static_cast<int>(Exit::io), e.what(), "check free space and permissions"};
  } catch (const std::exception& e) {
    return {static_cast<int>(Exit::internal), e.what(), {}};
  }
}

}  // namespace

void together(Communicator& host, const std::function<void()>& work) {
  const Failure mine = run(work);
  const std::vector<int> codes = gather_all<int>(host, std::span<const int>(&mine.code, 1));
  const auto first = std::find_if(codes.begin(), codes.end(), [](int code) { return code != 0; });
  if (first == codes.end()) return;

  const int rank = static_cast<int>(first - codes.begin());
  const std::string message = broadcast_string(host, mine.message, rank);
  const std::string hint = broadcast_string(host, mine.hint, rank);
  throw Error(static_cast<Exit>(*first),
              host.size() == 1 ? message : fmt::format("rank {}: {}", rank, message), hint);
}

}  // namespace chorale
