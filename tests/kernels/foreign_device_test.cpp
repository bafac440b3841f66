// The foreign device of the tests is foreign: faults that it is there to find are found.
#include "tests/support/foreign_device.h"

#include <boost/test/unit_test.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/array.h"

namespace chorale::test {
namespace {

// The signal that ends a process which does this; 0 if it ends by itself.
int signal_of(const std::function<void()>& act) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);  // the test framework would report it and go on
    act();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

// The number, at most 255, that stands there without waiting; seen by a child that forces its way.
int now_at(const Real* x) {
  const pid_t child = fork();
  if (child == 0) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto at = reinterpret_cast<std::uintptr_t>(x);
    mprotect(reinterpret_cast<void*>(at - at % page), page, PROT_READ);
    _exit(static_cast<int>(*x));
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

Array<Real> numbers(Device& device, std::vector<Real> host) {
  return Array<Real>(device, std::span<const Real>(host));  // `host` dies before it is needed
}

View row_of(const Array<Real>& x) { return {x.data(), 1, x.size()}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(foreign_device)

BOOST_AUTO_TEST_CASE(host_code_that_touches_its_memory_dies) {
  const auto device = make_foreign_device();
  const Array<Real> x = numbers(*device, {1, 2, 3});
  BOOST_TEST(x.download() == (std::vector<Real>{1, 2, 3}));
  volatile Real* const there = x.data();

  BOOST_TEST(signal_of([] {}) == 0);
  BOOST_TEST(signal_of([&] { static_cast<void>(there[1]); }) == SIGSEGV);
  BOOST_TEST(signal_of([&] { there[1] = 5; }) == SIGSEGV);
}

BOOST_AUTO_TEST_CASE(a_result_is_there_when_the_host_has_waited_and_not_before) {
  const auto device = make_foreign_device();
  const Array<Real> x = numbers(*device, {1, 2, 3}), y(*device, 3);
  device->kernels().fill(7, row_of(y));
  device->synchronize();

  device->kernels().axpy(2, row_of(x), row_of(y));
  device->kernels().scale(10, row_of(y));
  BOOST_TEST(now_at(y.data()) == 7);
  device->synchronize();
  BOOST_TEST(now_at(y.data()) == 90);

  BOOST_TEST(y.download() == (std::vector<Real>{90, 110, 130}));
}

BOOST_AUTO_TEST_CASE(fresh_and_released_memory_is_not_a_number) {
  const auto device = make_foreign_device();
  const Array<Real> fresh(*device, 5);
  Array<Real> gone = numbers(*device, {1, 2, 3});
  const Real* const released = gone.data();
  device->synchronize();
  gone = Array<Real>();
  std::vector<Real> found(3);

  device->download(found.data(), released, 3 * sizeof(Real));

  for (const Real x : found) BOOST_TEST(std::isnan(x));
  for (const Real x : fresh.download()) BOOST_TEST(std::isnan(x));
}

BOOST_AUTO_TEST_CASE(host_memory_is_taken_when_a_call_returns) {
  const auto device = make_foreign_device();
  std::vector<Real> host{1, 2, 3, 4};
  const Array<Real> x(*device, std::span<const Real>(host)), sums(*device, 2);
  std::vector<Index> lanes{0, 1, 4};
  device->kernels().lane_totals({x.data(), 4, 1}, lanes, {sums.data(), 2, 1});

  host.assign(4, 77);
  lanes.assign(3, 4);

  BOOST_TEST(sums.download() == (std::vector<Real>{1, 9}));
}

BOOST_AUTO_TEST_CASE(released_memory_serves_the_work_that_was_enqueued_before) {
  const auto device = make_foreign_device();
  const Array<Real> y(*device, 3);
  {
    const Array<Real> x = numbers(*device, {1, 2, 3});
    device->kernels().copy(row_of(x), row_of(y));
  }
  const Array<Real> other = numbers(*device, {5, 5, 5});  // in the same place

  BOOST_TEST(y.download() == (std::vector<Real>{1, 2, 3}));
  BOOST_TEST(other.download() == (std::vector<Real>{5, 5, 5}));
}

BOOST_AUTO_TEST_CASE(what_runs_aside_runs_before_all_that_came_since_its_mark) {
  const auto device = make_foreign_device();
  const Array<LocalIndex> first(*device, std::vector<LocalIndex>{0});
  const Array<Real> y(*device, 1);
  const View x(static_cast<Real*>(device->allocate_host(sizeof(Real))), 1, 1);
  device->kernels().fill(1, x);
  const Index mark = device->mark();
  device->kernels().fill(2, x);

  device->begin_aside(mark);
  device->kernels().gather_rows(x, first.span(), row_of(y));
  device->end_aside();

  BOOST_TEST(y.download() == std::vector<Real>{1});
  device->synchronize();
  BOOST_TEST(x(0, 0) == 2);
  device->release_host(x.data, sizeof(Real));
}

BOOST_AUTO_TEST_CASE(a_copy_within_the_device_stands_in_the_order_of_its_work) {
  const auto device = make_foreign_device();
  const Array<Real> x = numbers(*device, {1, 2, 3}), y(*device, 3);
  device->kernels().scale(2, row_of(x));

  device->copy(y.data(), x.data(), 3 * sizeof(Real));
  device->kernels().fill(0, row_of(x));

  BOOST_TEST(y.download() == (std::vector<Real>{2, 4, 6}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test
