// What the environment tells about a launcher; the session itself is tested under mpirun.
#include "comm/mpi_session.h"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>

namespace chorale {
namespace {

int announced(const std::map<std::string, std::string>& environment) {
  return announced_tasks([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mpi_session)

BOOST_AUTO_TEST_CASE(silent_environment_announces_one_task) { BOOST_TEST(announced({}) == 1); }

BOOST_AUTO_TEST_CASE(launchers_announce_their_tasks) {
  BOOST_TEST(announced({{"OMPI_COMM_WORLD_SIZE", "4"}}) == 4);
  BOOST_TEST(announced({{"PMI_SIZE", "3"}}) == 3);
  BOOST_TEST(announced({{"SLURM_PROCID", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}}) == 2);
}

BOOST_AUTO_TEST_CASE(slurm_allocation_alone_announces_nothing) {
  BOOST_TEST(announced({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_NTASKS", "8"}}) == 1);
}

BOOST_AUTO_TEST_CASE(mpirun_inside_slurm_is_believed) {
  BOOST_TEST(announced({{"OMPI_COMM_WORLD_SIZE", "1"},
                        {"SLURM_PROCID", "0"},
                        {"SLURM_STEP_NUM_TASKS", "8"}}) == 1);
}

BOOST_AUTO_TEST_CASE(nonsense_announces_nothing) {
  BOOST_TEST(announced({{"OMPI_COMM_WORLD_SIZE", "many"}, {"PMI_SIZE", ""}}) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale
