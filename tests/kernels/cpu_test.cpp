// What the CPU backend promises beyond equality with the reference.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "hwy/targets.h"
#include "kernels/check.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/device.h"
#include "tests/kernels/catalogue.h"

namespace chorale::test {
namespace {

bool equal_bits(ConstView a, ConstView b) {
  for (Index i = 0; i < a.rows; ++i) {
    const std::size_t bytes = static_cast<std::size_t>(a.cols) * sizeof(Real);
    if (std::memcmp(a.row(i), b.row(i), bytes) != 0) return false;
  }
  return a.rows == b.rows && a.cols == b.cols;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cpu_suite)

BOOST_AUTO_TEST_CASE(avx2_and_avx512_make_the_same_bits) {
  const CpuKernels cpu(1);
  for (const CatalogueRow& row : catalogue()) {
    for (Index d : {7, 64, 67}) {
      const SceneOptions options{.n = 101, .d = d, .exact = false, .strided = true};
      Scene wide(options), narrow(options);

      row.run(cpu, wide);
      hwy::DisableTargets(HWY_AVX3);
      hwy::GetChosenTarget().DeInit();  // the choice is made anew by the next call
      row.run(cpu, narrow);
      hwy::DisableTargets(0);
      hwy::GetChosenTarget().DeInit();

      BOOST_TEST((wide.results() == narrow.results()), row.name << ", d = " << d);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_product_element_does_not_depend_on_the_rows_of_the_call) {
  const CpuKernels cpu(1);
  Scene s({.n = 41, .d = 300, .exact = false});
  const ConstView x = s.in(41, 300), w = s.in(300, 67), wt = s.in(67, 300);
  const View whole = s.out(41, 67), whole_nt = s.out(41, 67);
  cpu.fill(0, whole_nt);
  cpu.gemm(x, w, whole);
  cpu.gemm_nt(x, wt, whole_nt);

  for (Index first : {0, 1, 5, 6, 40}) {
    for (Index last = first + 1; last <= 41; last += 7) {
      const View part = s.out(last - first, 67), part_nt = s.out(last - first, 67);
      cpu.fill(0, part_nt);
      cpu.gemm(x.row_block(first, last), w, part);
      cpu.gemm_nt(x.row_block(first, last), wt, part_nt);

      BOOST_TEST(equal_bits(part, whole.row_block(first, last)));
      BOOST_TEST(equal_bits(part_nt, whole_nt.row_block(first, last)));
    }
  }
}

BOOST_AUTO_TEST_CASE(column_panels_of_a_sparse_product_make_the_same_bits) {
  const CpuKernels cpu(1);
  Scene s({.n = 101, .d = 70, .exact = false});
  const CsrView a = s.sparse(80, 21);
  const ConstView x = s.in(80, 70), ghost = s.in(21, 70);
  const View whole = s.out(101, 70), panels = s.out(101, 70);

  cpu.spmm(a, x, ghost, whole);
  for (Index j = 0; j < 70; j += 13) {
    const Index end = std::min<Index>(j + 13, 70);
    cpu.spmm(a, x.col_block(j, end), ghost.col_block(j, end), panels.col_block(j, end));
  }

  BOOST_TEST(equal_bits(whole, panels));
}

BOOST_AUTO_TEST_CASE(renaming_own_rows_to_ghosts_keeps_the_bits_of_a_sparse_product) {
  const CpuKernels cpu(1);
  Scene s({.n = 101, .d = 33, .exact = false});
  CsrView a = s.sparse(101, 0);
  const ConstView x = s.in(101, 33);
  const View alone = s.out(101, 33), split = s.out(101, 33);

  cpu.spmm(a, x, {}, alone);
  a.n_own = 40;
  a.n_ghost = 61;
  cpu.spmm(a, x.row_block(0, 40), x.row_block(40, 101), split);

  BOOST_TEST(equal_bits(alone, split));
}

BOOST_AUTO_TEST_CASE(the_loss_of_a_lane_does_not_depend_on_the_other_lanes) {
  const CpuKernels cpu(2);
  Scene s({.n = 1009, .d = 17, .exact = false});
  const ConstView u = s.in(1009, 17), p = s.in(1009, 17), n = s.in(1009, 17);
  const std::vector<Index> all{0, 300, 1009}, one{0, 709};
  const View slope = s.out(1009, 1), value = s.out(2, 1), squares = s.out(2, 1);
  const View slope_alone = s.out(709, 1), value_alone = s.out(1, 1), squares_alone = s.out(1, 1);

  cpu.bpr(u, p, n, all, slope, value);
  cpu.half_squares(u, all, squares);
  cpu.bpr(u.row_block(300, 1009), p.row_block(300, 1009), n.row_block(300, 1009), one, slope_alone,
          value_alone);
  cpu.half_squares(u.row_block(300, 1009), one, squares_alone);

  BOOST_TEST(value(1, 0) == value_alone(0, 0));
  BOOST_TEST(squares(1, 0) == squares_alone(0, 0));
  BOOST_TEST(equal_bits(slope.row_block(300, 1009), slope_alone));
}

BOOST_AUTO_TEST_CASE(the_gradients_of_a_lane_do_not_depend_on_the_other_lanes) {
  constexpr Index kRows = 1009, kFirst = 300, k = 17, m = 20;
  const CpuKernels cpu(2);
  Scene s({.n = kRows, .d = k, .exact = false});
  const ConstView e = s.in(kRows, k), n = s.in(kRows, k), dy = s.in(kRows, m);
  const BiInteraction layer{.self = 1,
                            .slope = Real(0.2),
                            .w_sum = s.in(k, m),
                            .b_sum = s.in(1, m),
                            .w_product = s.in(k, m),
                            .b_product = s.in(1, m)};
  std::vector<std::uint8_t> bits(kRows * m);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = i * 7 % 8;
  const View de = s.out(kRows, k), dn = s.out(kRows, k);
  const auto weights = [&](Index lanes) {
    const BiInteractionWeights dw{s.out(lanes, k * m), s.out(lanes, m), s.out(lanes, k * m),
                                  s.out(lanes, m)};
    for (const View& w : {dw.w_sum, dw.b_sum, dw.w_product, dw.b_product}) cpu.fill(0, w);
    return dw;
  };
  const BiInteractionWeights all = weights(2), alone = weights(1);
  const Index lanes[] = {0, kFirst, kRows}, lane[] = {0, kRows - kFirst};

  cpu.bi_interaction_grad(layer, e, n, bits.data(), dy, lanes, false, de, dn, all);
  cpu.bi_interaction_grad(layer, e.row_block(kFirst, kRows), n.row_block(kFirst, kRows),
                          bits.data() + kFirst * m, dy.row_block(kFirst, kRows), lane, false,
                          de.row_block(kFirst, kRows), dn.row_block(kFirst, kRows), alone);

  BOOST_TEST(equal_bits(all.w_sum.row_block(1, 2), alone.w_sum));
  BOOST_TEST(equal_bits(all.b_sum.row_block(1, 2), alone.b_sum));
  BOOST_TEST(equal_bits(all.w_product.row_block(1, 2), alone.w_product));
  BOOST_TEST(equal_bits(all.b_product.row_block(1, 2), alone.b_product));
}

BOOST_AUTO_TEST_CASE(ranking_surfaces_nan_and_handles_long_vectors) {
  const CpuKernels cpu(1);
  const ReferenceKernels reference;
  for (Index d : {64, 1500}) {
    Scene s({.n = 13, .d = d, .exact = false}), same({.n = 13, .d = d, .exact = false});
    const auto rank = [&](const Kernels& k, Scene& scene) {
      const View items = scene.out(200, d);
      items(77, 3) = std::numeric_limits<Real>::quiet_NaN();
      std::vector<Index> ids(200);
      for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<Index>(i);
      const std::vector<Index> begin(14, 0);
      const TopK best = scene.lists(13, 7);
      k.update_top_k(scene.in(13, d), items, ids.data(), {begin.data(), nullptr}, best);
      return best;
    };

    const TopK found = rank(cpu, s), expected = rank(reference, same);

    for (Index i = 0; i < 13 * 7; ++i) BOOST_TEST(found.ids[i] == expected.ids[i]);
    for (Index u = 0; u < 13; ++u) {
      BOOST_TEST(found.ids[u * 7] == 77);
      BOOST_TEST(std::isnan(found.scores[u * 7]));
    }
  }
}

BOOST_AUTO_TEST_CASE(device_counts_what_it_gives) {
  const std::unique_ptr<Device> device = make_device({.kind = DeviceKind::cpu});

  void* small = device->allocate(1000);
  void* large = device->allocate(std::size_t{3} << 20);

  BOOST_TEST(reinterpret_cast<std::uintptr_t>(small) % 64 == 0u);
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(large) % (std::size_t{2} << 20) == 0u);
  BOOST_TEST(device->allocations() == 2u);
  BOOST_TEST(device->bytes_in_use() == 1000 + (std::size_t{3} << 20));
  device->release(large, std::size_t{3} << 20);
  device->release(small, 1000);
  BOOST_TEST(device->bytes_in_use() == 0u);
  BOOST_TEST(device->peak_bytes() == 1000 + (std::size_t{3} << 20));
}

BOOST_AUTO_TEST_CASE(asking_for_too_much_says_how_much) {
  const std::unique_ptr<Device> device = make_device({.kind = DeviceKind::cpu});
  const std::size_t too_much = std::size_t{1} << 60;

  BOOST_CHECK_EXCEPTION(device->allocate(too_much), Error, [](const Error& e) {
    return e.code() == Exit::environment &&
           std::string(e.what()).find("asked for 1099511627776.0 MiB") != std::string::npos &&
           !e.hint().empty();
  });
  BOOST_TEST(device->bytes_in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(no_threads_is_a_user_error) {
  BOOST_CHECK_EXCEPTION(make_device({.threads = 0}), Error,
                        [](const Error& e) { return e.code() == Exit::usage; });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test
