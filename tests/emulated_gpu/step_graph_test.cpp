// Steps as graphs, on the emulated GPU: the same bits as kernel by kernel, few graphs, no waits.
#include <boost/test/unit_test.hpp>

#include "comm/self_communicator.h"
#include "kernels/array.h"
#include "tests/emulated_gpu/emulated_gpu.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"

namespace chorale::test {
namespace {

struct TinyData {
  TemporaryFolder folder;
  std::filesystem::path data = make_tiny_dataset(folder.path());

  v1::Config on_gpu(const std::filesystem::path& file, bool step_graph) const {
    return tiny_config(file, data, {"device=CUDA", fmt::format("run.step_graph={}", step_graph)});
  }
  v1::Config lightgcn() const {
    return on_gpu(source_folder() / "configs/tiny/lightgcn.pbtxt", true);
  }
};

Outcome train(const v1::Config& config, Index steps) {
  const auto self = make_self_communicator();
  Experiment e(config, *self, 2);
  return train_steps(e, 0, steps);
}

BOOST_FIXTURE_TEST_SUITE(step_graph, TinyData)

BOOST_AUTO_TEST_CASE(a_graph_leaves_the_same_bits_as_kernel_by_kernel) {
  for (const auto& file : tiny_configs()) {
    const Outcome by_graph = train(on_gpu(file, true), 4);
    const GpuCounts before = gpu_counts();

    BOOST_TEST_CONTEXT(file.filename().string()) {
      BOOST_TEST((train(on_gpu(file, false), 4) == by_graph));
      BOOST_TEST(gpu_counts().replayed == before.replayed);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_graph_is_made_once_and_used_in_every_step) {
  const auto self = make_self_communicator();
  Experiment e(lightgcn(), *self, 2);
  for (Index step = 0; step < 3; ++step) e.train(step);
  const GpuCounts before = gpu_counts();

  for (Index step = 3; step < 8; ++step) e.train(step);

  BOOST_TEST(gpu_counts().graphs == before.graphs);
  BOOST_TEST(gpu_counts().replayed == before.replayed + 5);
  BOOST_TEST(gpu_counts().launches == before.launches);
  BOOST_TEST(gpu_counts().copies == before.copies);
  BOOST_TEST(gpu_counts().replaced > before.replaced);
}

BOOST_AUTO_TEST_CASE(the_host_waits_for_a_step_after_it_has_enqueued_the_next) {
  const auto self = make_self_communicator();
  Experiment e(lightgcn(), *self, 2);
  for (Index step = 0; step < 3; ++step) e.train(step);
  e.begin(3, false);
  const std::uint64_t before = gpu_counts().waits;

  e.begin(4, false);

  BOOST_TEST(gpu_counts().waits == before);
  e.finish();
  BOOST_TEST(gpu_counts().waits == before + 1);
  e.finish();
  BOOST_TEST(gpu_counts().waits == before + 2);
}

BOOST_AUTO_TEST_CASE(what_steps_lost_does_not_depend_on_when_it_is_learned) {
  const Outcome one_by_one = train(lightgcn(), 6);
  const auto self = make_self_communicator();
  Experiment e(lightgcn(), *self, 2);
  std::vector<double> losses;

  for (Index step = 0; step < 6; ++step) {
    e.begin(step, false);
    if (e.under_way() > 1) losses.push_back(e.finish().loss);
  }
  losses.push_back(e.finish().loss);

  BOOST_TEST(losses == one_by_one.losses, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(uploads_under_way_keep_their_bytes) {
  constexpr Index kArrays = 24, kNumbers = 700'000;  // 67 MB, more than there is pinned memory
  for (const bool in_a_step : {false, true}) {
    const auto gpu = make_device({.kind = DeviceKind::cuda});
    std::vector<Array<Real>> arrays;
    for (Index i = 0; i < kArrays; ++i) arrays.emplace_back(*gpu, kNumbers);
    if (in_a_step) gpu->begin_step();

    for (Index i = 0; i < kArrays; ++i) {
      const std::vector<Real> host(kNumbers, static_cast<Real>(i));
      arrays[static_cast<std::size_t>(i)].upload(host);
    }

    if (in_a_step) gpu->end_step();
    for (Index i = 0; i < kArrays; ++i) {
      const std::vector<Real> back = arrays[static_cast<std::size_t>(i)].download();
      BOOST_TEST((back == std::vector<Real>(kNumbers, static_cast<Real>(i))));
    }
  }
}

BOOST_AUTO_TEST_CASE(too_little_memory_is_told_with_what_is_asked_for_and_free) {
  set_gpu_memory(20'000);
  const auto self = make_self_communicator();

  BOOST_CHECK_EXCEPTION(Experiment(lightgcn(), *self, 1), Error, [](const Error& e) {
    return e.code() == Exit::environment &&
           std::string(e.what()).find("out of memory: asked for") != std::string::npos;
  });
  set_gpu_memory(std::size_t{1} << 30);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
