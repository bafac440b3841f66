// Times the hot kernels at the sizes of the Gowalla data set (29,858 users, 40,981 items, 810,128
// interactions), d = 64: best of several runs, in CPU time of all threads of the process divided by
// the threads.
//
// Contrast runs at the size of the TikTok data set (9,308 users, 6,710 items) and is also given as
// a part of the roof, fused steps without memory, which is measured right before it.
//
//   kernels_bench [threads] [rounds]
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "kernels/array.h"
#include "kernels/device.h"
#include "kernels/random.h"
#include "tests/bench/fma_roof.h"
#include "tests/bench/power_law.h"

namespace chorale {
namespace {

constexpr Index kUsers = 29858, kItems = 40981, kDim = 64, kEntries = 810128;
constexpr RandomKey kKey{Purpose::test, 7};

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Bench {
  std::unique_ptr<Device> device;
  int threads;
  int rounds;

  // amount: bytes or operations of one call.
  struct Row {
    const char* name;
    double amount;
    std::function<void()> call;
  };

  // The calls in turn, so that what the machine does beside concerns all of them. Returns the best
  // CPU time of one thread, of each.
  std::vector<double> in_turn(const char* unit, const std::vector<Row>& rows) const {
    constexpr double kLong = std::numeric_limits<double>::max();
    std::vector<double> best_cpu(rows.size(), kLong), best_wall = best_cpu;
    for (int r = 0; r <= rounds; ++r) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
        rows[i].call();
        if (r == 0) continue;  // warms the caches
        const double cpu_of_one = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / threads;
        best_cpu[i] = std::min(best_cpu[i], cpu_of_one);
        best_wall[i] = std::min(best_wall[i], seconds(CLOCK_MONOTONIC) - wall);
      }
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      fmt::print("{:<28} {:>12.0f} ns cpu/thread {:>12.0f} ns wall {:>8.1f} {}\n", rows[i].name,
                 1e9 * best_cpu[i], 1e9 * best_wall[i], rows[i].amount / best_cpu[i] * 1e-9, unit);
    }
    return best_cpu;
  }

  template <class Call>
  double time(const char* name, const char* unit, double amount, Call call) const {
    return in_turn(unit, {{name, amount, call}}).front();
  }

  Array<Real> random(Index n, std::uint64_t name) const {
    std::vector<Real> host(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) {
      host[static_cast<std::size_t>(i)] =
          static_cast<Real>(random_uniform(kKey, name, static_cast<std::uint64_t>(i)) - 0.5);
    }
    return Array<Real>(*device, std::span<const Real>(host));
  }
};

constexpr Index kNodes = kUsers + kItems;

// What computes can be no faster than fused steps without memory, on as many threads.
Bench::Row roof(int threads) {
  constexpr int kSteps = 20'000'000;
  return {"fused steps", threads * fused_steps(kSteps), [threads] {
            std::vector<std::jthread> others;
            for (int t = 1; t < threads; ++t) others.emplace_back([] { fused_steps(kSteps); });
            fused_steps(kSteps);
          }};
}

// A graph of Gowalla's size in device memory.
struct OnDevice {
  OnDevice(Device& device, const Graph& g)
      : begin(device, std::span<const Index>(g.begin)),
        columns(device, std::span<const LocalIndex>(g.columns)),
        values(device, std::span<const Real>(g.values)) {}

  // The last so many nodes are ghosts.
  CsrView with_ghosts(Index ghosts) const {
    return {kNodes,         kNodes - ghosts, ghosts,        begin.data(),
            columns.data(), values.data(),   columns.size()};
  }

  Array<Index> begin;
  Array<LocalIndex> columns;
  Array<Real> values;
};

void bench_sparse(const Bench& b, const OnDevice& g) {
  const Kernels& k = b.device->kernels();
  const Index n = kNodes;
  const Array<Real> x = b.random(n * kDim, 1), y = b.random(n * kDim, 2);
  const View vx(x.data(), n, kDim), vy(y.data(), n, kDim);
  const double bytes = static_cast<double>(g.columns.size()) * (kDim * sizeof(Real) + 8);

  const CsrView own = g.with_ghosts(0);
  b.time("spmm", "GB/s gathered", bytes, [&] { k.spmm(own, vx, {}, vy); });
  b.time("spmm_add", "GB/s gathered", bytes, [&] { k.spmm_add(own, vx, {}, vy); });
  const CsrView split = g.with_ghosts(kItems);
  b.time("spmm, items are ghosts", "GB/s gathered", bytes,
         [&] { k.spmm(split, vx.row_block(0, kUsers), vx.row_block(kUsers, n), vy); });
  const Index third = n - n / 3;  // inside the items: user rows mix own items and ghosts
  const CsrView mixed = g.with_ghosts(n / 3);
  b.time("spmm, a third are ghosts", "GB/s gathered", bytes,
         [&] { k.spmm(mixed, vx.row_block(0, third), vx.row_block(third, n), vy); });
  b.time("spmm, 2 panels of 32", "GB/s gathered", bytes, [&] {
    k.spmm(own, vx.col_block(0, 32), {}, vy.col_block(0, 32));
    k.spmm(own, vx.col_block(32, 64), {}, vy.col_block(32, 64));
  });
}

// The passes of propagation over all rows, in Real and in bf16.
void bench_bf16(const Bench& b, const OnDevice& g) {
  const Kernels& k = b.device->kernels();
  const Index n = kNodes;
  const CsrView a = g.with_ghosts(0);
  const Array<Real> x = b.random(n * kDim, 1), y = b.random(n * kDim, 2);
  const Array<Bf16> x16(*b.device, n * kDim), y16(*b.device, n * kDim);
  const View vx(x.data(), n, kDim), vy(y.data(), n, kDim);
  const Bf16View hx{x16.data(), n, kDim, kDim}, hy{y16.data(), n, kDim, kDim};
  const double whole = static_cast<double>(g.columns.size()) * (kDim * sizeof(Real) + 8),
               half = static_cast<double>(g.columns.size()) * (kDim * sizeof(Bf16) + 8),
               rows = static_cast<double>(n * kDim);
  k.to_bf16(1, vx, {}, false, hx);
  b.in_turn("GB/s gathered",
            {{"spmm", whole, [&] { k.spmm(a, vx, {}, vy); }},
             {"spmm of bf16", half, [&] { k.spmm_bf16(a, {.x = hx, .y = vy}); }},
             {"spmm of bf16 to bf16", half, [&] { k.spmm_bf16(a, {.x = hx, .rounded = hy}); }}});
  b.in_turn("GB/s",
            {{"axpy, all rows", 12 * rows, [&] { k.axpy(Real(1e-3), vx, vy); }},
             {"axpy_bf16, all rows", 10 * rows, [&] { k.axpy_bf16(Real(1e-3), hx, {}, vy); }},
             {"to_bf16, all rows", 6 * rows, [&] { k.to_bf16(1, vx, {}, false, hx); }}});
}

void bench_dense(const Bench& b) {
  const Kernels& k = b.device->kernels();
  const Index n = 1107;  // a lane of Gowalla's nodes
  const Array<Real> x = b.random(n * kDim, 1), y = b.random(n * kDim, 2), w = b.random(64 * 64, 3);
  const View vx(x.data(), n, kDim), vy(y.data(), n, kDim), vw(w.data(), 64, 64);
  const double flop = 2.0 * static_cast<double>(n) * 64 * 64;
  b.time("gemm 1107 x 64 x 64", "GFLOP/s", flop, [&] { k.gemm(vx, vw, vy); });
  b.time("gemm_nt 1107 x 64 x 64", "GFLOP/s", flop, [&] { k.gemm_nt(vx, vw, vy); });
  b.time("gemm_tn 1107 x 64 x 64", "GFLOP/s", flop, [&] { k.gemm_tn(vx, vy, vw); });

  const Index m = kUsers + kItems;
  const Array<Real> p = b.random(m * kDim, 4), q = b.random(m * kDim, 5), r = b.random(m * kDim, 6),
                    s = b.random(m * kDim, 7);
  const View vp(p.data(), m, kDim), vq(q.data(), m, kDim), vr(r.data(), m, kDim),
      vs(s.data(), m, kDim);
  const double bytes = static_cast<double>(m * kDim) * sizeof(Real);
  k.fill(Real(0.1), vs);
  const UpdateOptions o{
      .rate = Real(1e-3), .epsilon = Real(1e-8), .beta1 = Real(0.9), .beta2 = Real(0.999)};
  b.time("adam, all rows", "GB/s", 7 * bytes, [&] { k.adam(o, vp, vq, vr, vs); });
  b.time("axpy, all rows", "GB/s", 3 * bytes, [&] { k.axpy(Real(1e-3), vp, vq); });
  const std::vector<Index> numbers(static_cast<std::size_t>(m), 1);
  const DropoutMask mask{.seed = 1, .step = 1, .op = 1, .rate = Real(0.1)};
  b.time("dropout, all rows", "GB/s", 2 * bytes, [&] { k.dropout(mask, numbers.data(), vp, vq); });
  b.time("drop_rows, all rows", "GB/s", 2 * bytes,
         [&] { k.drop_rows(mask, numbers.data(), vp, vq); });
  b.time("add_noise, all rows", "GB/s", 2 * bytes, [&] {
    k.add_noise({1, 1, 1, Real(0.1)}, numbers.data(), vp, vq);
  });
  b.time("row_dots, all rows", "GB/s", 2 * bytes, [&] { k.row_dots(vp, vq, {r.data(), m, 1}); });
  b.time("add_scaled_rows, all rows", "GB/s", 3 * bytes, [&] {
    k.add_scaled_rows({r.data(), m, 1}, vp, vq);
  });
  b.time("map tanh, all rows", "GB/s", 2 * bytes, [&] { k.map(Scalar::tanh, 0, vp, vq); });
}

// A layer of NGCF on all of Gowalla's nodes beside the kernels that it is made of, and the roof.
void bench_interaction(const Bench& b) {
  const Kernels& k = b.device->kernels();
  const Array<Real> e_data = b.random(kNodes * kDim, 1), n_data = b.random(kNodes * kDim, 2),
                    dy_data = b.random(kNodes * kDim, 3), w_data = b.random(kDim * kDim, 4),
                    b_data = b.random(kDim, 5);
  const auto matrix = [](const Array<Real>& a) { return View(a.data(), kNodes, kDim); };
  const View e = matrix(e_data), n = matrix(n_data), dy = matrix(dy_data);
  const ConstView w(w_data.data(), kDim, kDim), bias(b_data.data(), 1, kDim);
  const Array<Real> y_data = b.random(kNodes * kDim, 6), de_data = b.random(kNodes * kDim, 7),
                    dn_data = b.random(kNodes * kDim, 8), dw_data = b.random(4 * 64 * 4096, 9);
  const View y = matrix(y_data), de = matrix(de_data), dn = matrix(dn_data);
  const View dw(dw_data.data(), 64, kDim * kDim);
  const auto of_bias = [&](Index i) {
    return View(dw_data.data() + (3 * 64 + i) * 4096, 64, kDim);
  };
  const BiInteractionWeights gradients{
      dw, of_bias(0), {dw_data.data() + 64 * 4096, 64, kDim * kDim}, of_bias(1)};
  const std::vector<Index> names(static_cast<std::size_t>(kNodes), 1);
  const BiInteraction layer{.slope = Real(0.2),
                            .mask = {.seed = 1, .step = 1, .op = 1, .rate = Real(0.1)},
                            .global_row = names.data(),
                            .w_sum = w,
                            .b_sum = bias,
                            .w_product = w,
                            .b_product = bias};
  std::vector<std::uint8_t> bits(static_cast<std::size_t>(kNodes * kDim));
  std::vector<Index> lanes;
  for (Index l = 0; l <= 64; ++l) lanes.push_back(kNodes * l / 64);
  const double flop = 4.0 * static_cast<double>(kNodes) * kDim * kDim;

  b.in_turn("GFLOP/s",
            {roof(b.threads),
             {"bi_interaction", flop, [&] { k.bi_interaction(layer, e, n, bits.data(), y); }},
             {"bi_interaction_grad", 2 * flop,
              [&] {
                k.bi_interaction_grad(layer, e, n, bits.data(), dy, lanes, false, de, dn,
                                      gradients);
              }},
             {"two gemms alone", flop, [&] {
                k.gemm(n, w, y);
                k.gemm(e, w, de);
              }}});
}

// A batch of TransR on the Amazon-Book knowledge graph: 4015 samples of 80 relations.
void bench_relations(const Bench& b) {
  const Kernels& k = b.device->kernels();
  constexpr Index kSamples = 4015, kGroups = 80;
  const Array<Real> x = b.random(kSamples * kDim, 1), y = b.random(kSamples * kDim, 2),
                    w = b.random(kGroups * kDim * kDim, 3);
  const View vx(x.data(), kSamples, kDim), vy(y.data(), kSamples, kDim),
      vw(w.data(), kGroups, kDim * kDim);
  std::vector<Index> begin;
  for (Index g = 0; g <= kGroups; ++g) begin.push_back(kSamples * g / kGroups);
  const double flop = 2.0 * kSamples * kDim * kDim;
  b.time("grouped_gemm, 80 groups", "GFLOP/s", flop, [&] { k.grouped_gemm(vx, begin, vw, vy); });
  b.time("grouped_gemm_nt, 80 groups", "GFLOP/s", flop,
         [&] { k.grouped_gemm_nt(vx, begin, vw, vy); });
  b.time("grouped_gemm_tn, 80 groups", "GFLOP/s", flop,
         [&] { k.grouped_gemm_tn(vx, begin, vy, vw); });
}

void bench_ranking(const Bench& b) {
  const Kernels& k = b.device->kernels();
  constexpr Index kBlock = 1024, kItemBlock = 5000, kBest = 20;
  const Array<Real> users = b.random(kUsers * kDim, 1), items = b.random(kItems * kDim, 2);
  std::vector<Index> ids(kItems), begin(kUsers + 1, 0);
  std::iota(ids.begin(), ids.end(), Index{0});
  std::vector<Real> scores(kUsers * kBest);
  std::vector<Index> best(kUsers * kBest);
  const double flop = 2.0 * static_cast<double>(kUsers) * static_cast<double>(kItems) * kDim;
  b.time("top 20, all users and items", "GFLOP/s", flop, [&] {
    std::fill(scores.begin(), scores.end(), -std::numeric_limits<Real>::infinity());
    std::fill(best.begin(), best.end(), Index{-1});
    for (Index u = 0; u < kUsers; u += kBlock) {
      const Index count = std::min(kBlock, kUsers - u);
      const TopK list{count, kBest, scores.data() + u * kBest, best.data() + u * kBest};
      for (Index i = 0; i < kItems; i += kItemBlock) {
        const Index width = std::min(kItemBlock, kItems - i);
        k.update_top_k({users.data() + u * kDim, count, kDim},
                       {items.data() + i * kDim, width, kDim}, ids.data() + i,
                       {begin.data(), nullptr}, list);
      }
    }
  });
}

// The full softmax of a batch over all items, forward and backward.
void bench_softmax(const Bench& b) {
  constexpr Index kBatch = 2048;
  const Kernels& k = b.device->kernels();
  const Array<Real> users = b.random(kBatch * kDim, 1), items = b.random(kItems * kDim, 2),
                    largest = b.random(kBatch, 3), sums = b.random(kBatch, 4),
                    du = b.random(kBatch * kDim, 5), di = b.random(kItems * kDim, 6);
  const View u(users.data(), kBatch, kDim), i(items.data(), kItems, kDim);
  const View shifts(largest.data(), kBatch, 1), y(sums.data(), kBatch, 1);
  const Pairs pairs{.scale = 1, .shifts = shifts};
  const double flop = 640.0 * static_cast<double>(kBatch) * static_cast<double>(kItems);
  b.time("softmax 2048 x 40981", "GFLOP/s", flop, [&] {
    k.max_products(pairs, u, i, 0, shifts);
    k.exp_sums(pairs, u, i, 0, y);
    k.exp_sums_grad(pairs, u, i, y, 0, {du.data(), kBatch, kDim}, 0, {di.data(), kItems, kDim});
  });
}

// All-node InfoNCE (MMHCL): rows of a against themselves and against b, forward and backward.
void bench_contrast(const Bench& b) {
  const Bench::Row steps = roof(b.threads);
  const double roof_rate = steps.amount / b.in_turn("GFLOP/s", {steps}).front();
  const Kernels& k = b.device->kernels();
  for (Index n : {9308, 6710}) {
    const Array<Real> a = b.random(n * kDim, 1), h = b.random(n * kDim, 2), g = b.random(n, 3),
                      da = b.random(n * kDim, 4), dh = b.random(n * kDim, 5), y = b.random(n, 6);
    const View va(a.data(), n, kDim), vh(h.data(), n, kDim), vg(g.data(), n, 1),
        vda(da.data(), n, kDim), vdh(dh.data(), n, kDim), vy(y.data(), n, 1);
    const Pairs pairs{.scale = Real(0.3), .shift = Real(0.3)};
    double whole = 0, spent = 0;
    const auto row = [&](const char* name, double flop_per_pair, auto call) {
      const double flop = flop_per_pair * static_cast<double>(n) * static_cast<double>(n);
      whole += flop;
      spent += b.time(name, "GFLOP/s", flop, call);
    };
    fmt::print("{} rows, {} columns\n", n, kDim);
    row("  exp_self_sums", 64, [&] { k.exp_self_sums(pairs, va, 0, vy); });
    row("  exp_sums", 128, [&] { k.exp_sums(pairs, va, vh, 0, vy); });
    row("  exp_self_sums_grad", 192, [&] { k.exp_self_sums_grad(pairs, va, vg, 0, vda); });
    row("  exp_sums_grad", 384, [&] { k.exp_sums_grad(pairs, va, vh, vg, 0, vda, 0, vdh); });
    fmt::print("  together {:.1f} GFLOP/s, {:.0f} % of the roof\n", whole / spent * 1e-9,
               100 * whole / spent / roof_rate);
  }
  bench_softmax(b);
}

}  // namespace
}  // namespace chorale

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1, rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  const chorale::Bench bench{chorale::make_device({.threads = threads}), threads, rounds};
  {
    using chorale::kEntries, chorale::kItems, chorale::kUsers;
    const chorale::OnDevice graph(*bench.device, chorale::power_law(kUsers, kItems, kEntries));
    chorale::bench_sparse(bench, graph);
    chorale::bench_bf16(bench, graph);
  }
  chorale::bench_dense(bench);
  chorale::bench_interaction(bench);
  chorale::bench_relations(bench);
  chorale::bench_contrast(bench);
  chorale::bench_ranking({chorale::make_device({.threads = threads}), threads, 2});
  return 0;
}
