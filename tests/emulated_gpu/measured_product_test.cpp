// Sparse products by the faster of two: measured once, kept in checkpoints, used after a restart.
// The library is the stand-in of cusparse.cpp, and the clock says what the test wants.
#include <boost/test/unit_test.hpp>

#include "comm/self_communicator.h"
#include "tests/emulated_gpu/emulated_gpu.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/trainer.h"

namespace chorale::test {
namespace {

struct MeasuredFixture {
  TemporaryFolder folder;
  std::filesystem::path data = make_tiny_dataset(folder.path());

  MeasuredFixture() { gpu_library() = {.takes = true}; }
  ~MeasuredFixture() {
    gpu_library() = {};
    gpu_times().clear();
  }

  v1::Config config(const char* step_graph = "run.step_graph=true") const {
    return tiny_config(source_folder() / "configs/tiny/lightgcn.pbtxt", data,
                       {"device=CUDA", "run.sparse=MEASURED", step_graph});
  }
  // So many measurements of this outcome: each six calls of the own product and of the library's in
  // turn, the first of which decides nothing.
  static void set_clock(int measurements, float own, float library) {
    gpu_times().clear();
    for (int m = 0; m < measurements; ++m) {
      gpu_times().insert(gpu_times().end(), {library, own});
      for (int call = 1; call < 6; ++call) gpu_times().insert(gpu_times().end(), {own, library});
    }
  }
  std::map<std::string, double> choices_of(const Experiment& e) const {
    std::map<std::string, double> numbers;
    e.save(numbers);
    return numbers;
  }
};

constexpr std::uint64_t kMeasuring = 6;  // products of the library

BOOST_FIXTURE_TEST_SUITE(measured_product, MeasuredFixture)

BOOST_AUTO_TEST_CASE(a_faster_library_is_found_by_one_measurement_and_multiplies) {
  for (const char* step_graph : {"run.step_graph=true", "run.step_graph=false"}) {
    gpu_library().products = 0;
    const auto self = make_self_communicator();
    Experiment e(config(step_graph), *self, 1);
    set_clock(2, 2, 1);

    e.train(0);
    const std::uint64_t after_one = gpu_library().products;
    e.train(1);

    BOOST_TEST(after_one > kMeasuring);
    BOOST_TEST(gpu_library().products == 2 * after_one - kMeasuring);
    BOOST_TEST(gpu_times().size() == 12u);  // of two measurements one took place
    const auto choices = choices_of(e);
    BOOST_TEST_REQUIRE(choices.size() == 1u);
    BOOST_TEST(
        choices.begin()->first.starts_with(fmt::format("sparse.{0}x{0}.", e.nodes().rows())));
    BOOST_TEST(choices.begin()->second == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_slower_library_is_left_alone) {
  const auto self = make_self_communicator();
  Experiment e(config(), *self, 1);
  set_clock(2, 1, 2);

  const Outcome found = train_steps(e, 0, 3);

  BOOST_TEST(gpu_library().products == kMeasuring);
  BOOST_TEST(gpu_times().size() == 12u);
  BOOST_TEST(choices_of(e).begin()->second == 0);
  v1::Config own = config();
  own.mutable_run()->set_sparse(v1::Run::OWN);
  Experiment plain(own, *self, 1);
  BOOST_TEST((train_steps(plain, 0, 3) == found));
}

BOOST_AUTO_TEST_CASE(a_continued_run_takes_the_choice_of_the_run_and_does_not_measure) {
  const auto part = [&](Index steps) {
    const auto self = make_self_communicator();
    Experiment e(config(), *self, 1);
    Trainer(config(), e, {.out = folder.path() / "run", .max_steps = steps}).run();
  };
  set_clock(1, 2, 1);
  part(3);
  BOOST_TEST(gpu_times().size() == 0u);
  const std::uint64_t before = gpu_library().products;
  set_clock(1, 1, 2);

  part(3);

  BOOST_TEST(gpu_times().size() == 12u);
  BOOST_TEST(gpu_library().products == 2 * before - kMeasuring);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
