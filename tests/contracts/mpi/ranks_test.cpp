// Contract `ranks` under mpirun: what MPI ranks leave behind is what one rank leaves behind.
#include <boost/test/unit_test.hpp>

#include <memory>

#include "comm/self_communicator.h"
#include "comm/typed.h"
#include "tests/support/mpi_world.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"

namespace chorale::test {
namespace {

BOOST_AUTO_TEST_CASE(mpi_ranks_leave_the_bits_of_one_rank) {
  Communicator& world = mpi_world();
  std::unique_ptr<TemporaryFolder> folder;
  std::string data;
  if (world.rank() == 0) {
    folder = std::make_unique<TemporaryFolder>();
    data = make_tiny_dataset(folder->path()).string();
  }
  data = broadcast_string(world, data);
  for (const auto& file : tiny_configs()) {
    const v1::Config config = tiny_config(file, data);
    const auto self = make_self_communicator();
    Experiment alone(config, *self, 1);
    const Outcome expected = train_steps(alone, 0, 10);
    const auto expected_metrics = alone.evaluate(Split::test);

    Experiment together(config, world, 1);
    const Outcome found = train_steps(together, 0, 10);
    const auto metrics = together.evaluate(Split::test);

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST((found == expected));
      for (std::size_t i = 0; i < metrics.values.size(); ++i) {
        BOOST_TEST(metrics.values[i].value == expected_metrics.values[i].value);
      }
    }
  }
  world.barrier();
}

}  // namespace
}  // namespace chorale::test
