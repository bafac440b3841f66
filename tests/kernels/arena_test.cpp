// The step arena: reuse, alignment, and that the steady state asks the device for nothing.
#include "kernels/arena.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <memory>

namespace chorale {
namespace {

struct Fixture {
  std::unique_ptr<Device> device = make_device({.kind = DeviceKind::reference});
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(arena_suite, Fixture)

BOOST_AUTO_TEST_CASE(blocks_are_aligned_and_apart) {
  Arena arena(*device);

  auto* a = static_cast<std::byte*>(arena.take(1));
  auto* b = static_cast<std::byte*>(arena.take(65));
  auto* c = static_cast<std::byte*>(arena.take(64));

  for (std::byte* p : {a, b, c}) BOOST_TEST(reinterpret_cast<std::uintptr_t>(p) % 64 == 0u);
  BOOST_TEST(b - a >= 1);
  BOOST_TEST(c - b >= 65);
}

BOOST_AUTO_TEST_CASE(a_returned_block_is_taken_again) {
  Arena arena(*device);
  void* first = arena.take(1000);

  arena.give_back(first, 1000);

  BOOST_TEST(arena.take(2000) != first);
  BOOST_TEST(arena.take(1000) == first);
  BOOST_TEST(arena.take(1000) != first);
}

BOOST_AUTO_TEST_CASE(the_third_step_asks_the_device_for_nothing) {
  Arena arena(*device);
  const auto step = [&] {
    for (int i = 0; i < 40; ++i) arena.take_view(997, 101);
    arena.reset();
  };
  step();
  step();
  const std::uint64_t before = device->allocations();

  for (int i = 0; i < 5; ++i) step();

  BOOST_TEST(device->allocations() == before);
}

BOOST_AUTO_TEST_CASE(returned_blocks_do_not_raise_the_high_water) {
  Arena arena(*device);
  for (int i = 0; i < 10; ++i) arena.give_back(arena.take_view(64, 64));

  BOOST_TEST(arena.high_water() == 64u * 64 * sizeof(Real));
}

BOOST_AUTO_TEST_CASE(everything_is_released_at_the_end) {
  {
    Arena arena(*device);
    arena.take(std::size_t{5} << 20);
    arena.take(std::size_t{7} << 20);
    BOOST_TEST(device->bytes_in_use() > 0u);
  }
  BOOST_TEST(device->bytes_in_use() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale
