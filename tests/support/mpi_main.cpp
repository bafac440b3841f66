// main of the tests that run under mpirun: the same tests on every rank; the exit code is the worst
// of all ranks, and a rank that fails alone ends the job instead of leaving the others waiting.
#define BOOST_TEST_NO_MAIN
#define BOOST_TEST_ALTERNATIVE_INIT_API
#include <boost/test/unit_test.hpp>

#include "comm/mpi_session.h"
#include "comm/typed.h"
#include "tests/support/mpi_world.h"

namespace chorale {
namespace {
Communicator* world = nullptr;
}
Communicator& mpi_world() { return *world; }
}  // namespace chorale

int main(int argc, char** argv) {
  chorale::MpiSession session(argc, argv);
  const auto world = session.world();
  chorale::world = world.get();
  const int code = boost::unit_test::unit_test_main([] { return true; }, argc, argv);
  if (code != 0) chorale::MpiSession::abort(code);
  return chorale::agree_max(*world, code);
}
