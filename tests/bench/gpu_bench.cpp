// Times the hot kernels of a GPU, each as a part of a roof that is measured right before in the
// same run, and the sparse product beside cuSPARSE, call by call in turn, d = 64. The roof of
// fetching rows draws them evenly; a graph comes back to its hubs, which stay in caches, so its
// share may be above 100 %.
//
//   gpu_bench [--json FILE] [prepared folder]
#include <cuda_runtime.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>

#include "comm/self_communicator.h"
#include "graph/bipartite.h"
#include "kernels/array.h"
#include "kernels/cuda/cuda_check.h"
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/cusparse_product.h"
#include "kernels/cuda/stream_queue.h"
#include "kernels/long_rows.h"
#include "kernels/random.h"
#include "tests/bench/gpu_evaluation.h"
#include "tests/bench/gpu_roofs.h"
#include "tests/bench/gpu_table.h"
#include "tests/bench/power_law.h"

namespace chorale::bench {
namespace {

constexpr Index kUsers = 29858, kItems = 40981, kEdges = 810128;  // Gowalla
constexpr Index kManyUsers = 3'000'000, kManyItems = 1'000'000, kManyEdges = 50'000'000;
constexpr Index kDim = 64;
constexpr Index kReads = Index{1} << 22;  // rows of a gather
constexpr RandomKey kKey{Purpose::test, 7};

double bytes_of(Index numbers) { return static_cast<double>(numbers) * sizeof(Real); }

int processors_of_gpu() {
  int processors = 0;
  cuda::check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, 0),
              "cudaDeviceGetAttribute");
  return processors;
}

struct Bench {
  std::unique_ptr<Device> device = make_device({.kind = DeviceKind::cuda});
  cuda::StreamQueue queue{static_cast<cudaStream_t>(device->stream()), processors_of_gpu()};
  CudaKernels kernels{queue};
  Roof copy{"copy"}, near_rows{"L2 rows"}, far_rows{"rows"}, fused{"fma"}, exponential{"ex2"};
  bool agrees = true;

  // Numbers in [-0.5, 0.5), a million of them over and over.
  Array<Real> random(Index n, std::uint64_t name) const {
    const Index drawn = std::min(n, (Index{1} << 20) + 64);
    std::vector<Real> host(static_cast<std::size_t>(n));
    for (Index i = 0; i < drawn; ++i) {
      host[static_cast<std::size_t>(i)] =
          static_cast<Real>(random_uniform(kKey, name, static_cast<std::uint64_t>(i)) - 0.5);
    }
    for (Index i = drawn; i < n; i += drawn) {
      std::copy_n(host.begin(), std::min(drawn, n - i), host.begin() + i);
    }
    return Array<Real>(*device, std::span<const Real>(host));
  }

  Array<LocalIndex> random_rows(Index n, Index below, std::uint64_t name) const {
    std::vector<LocalIndex> host(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) {
      host[static_cast<std::size_t>(i)] = static_cast<LocalIndex>(
          random_below(random_bits(kKey, name, static_cast<std::uint64_t>(i)),
                       static_cast<std::uint64_t>(below)));
    }
    return Array<LocalIndex>(*device, std::span<const LocalIndex>(host));
  }

  double time(const std::function<void()>& call) { return medians(queue, {call}).front(); }
};

void measure_roofs(Bench& b) {
  const Index far = kManyUsers + kManyItems, near = kUsers + kItems;
  const Array<Real> from = b.random(far * kDim, 1), to(*b.device, far * kDim), out(*b.device, 1);
  const auto line = [&](const char* what, double amount, const char* unit, double ms, Roof& roof) {
    roof.rate = amount / ms * 1e3;
    print({what, ms, amount, unit});
  };
  line("roof: copy of 1 GB", 2 * bytes_of(far * kDim), "GB/s",
       b.time([&] { copy_words(b.queue, from.data(), to.data(), far * kDim); }), b.copy);
  for (const bool is_near : {true, false}) {
    const Array<LocalIndex> ids = b.random_rows(kReads, is_near ? near : far, 2);
    line(is_near ? "roof: 256-byte rows from 18 MB" : "roof: 256-byte rows from 1 GB",
         bytes_of(kReads * kDim), "GB/s",
         b.time([&] { read_rows(b.queue, from.data(), ids.data(), kReads, out.data()); }),
         is_near ? b.near_rows : b.far_rows);
  }
  double amount = 0;
  double ms = b.time([&] { amount = fused_multiply_adds(b.queue, out.data()); });
  line("roof: fused multiply-adds", amount, "TFLOP/s", ms, b.fused);
  ms = b.time([&] { amount = exponentials(b.queue, out.data()); });
  line("roof: exponentials", amount, "Texp/s", ms, b.exponential);
}

// The largest difference between two results in their first rows, a hundred thousand at most.
double difference(Device& device, ConstView a, ConstView b) {
  const auto n = static_cast<std::size_t>(std::min<Index>(a.rows, 100'000) * a.cols);
  std::vector<Real> first(n), second(n);
  device.download(first.data(), a.data, n * sizeof(Real));
  device.download(second.data(), b.data, n * sizeof(Real));
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double apart = std::abs(static_cast<double>(first[i]) - static_cast<double>(second[i]));
    worst = apart <= worst ? worst : apart;
    if (std::isnan(apart)) return std::numeric_limits<double>::infinity();
  }
  return worst;
}

void bench_product(Bench& b, const std::string& name, const CsrView& a, const Roof& roof) {
  const Array<Real> x = b.random(a.n_own * kDim, 1), y(*b.device, a.rows * kDim),
                    peer(*b.device, a.rows * kDim);
  const View vx(x.data(), a.n_own, kDim), vy(y.data(), a.rows, kDim),
      vpeer(peer.data(), a.rows, kDim);
  std::vector<std::unique_ptr<cuda::SparseLibrary>> libraries;
  std::vector<std::unique_ptr<CudaKernels>> peers;
  Calls calls{[&] { b.kernels.spmm(a, vx, {}, vy); }};
  for (const auto algorithm : {cuda::CusparseAlgorithm::csr1, cuda::CusparseAlgorithm::csr2,
                               cuda::CusparseAlgorithm::csr3}) {
    libraries.push_back(cuda::make_cusparse_product(b.queue, algorithm));
    peers.push_back(std::make_unique<CudaKernels>(b.queue, CudaOptions{}, libraries.back().get()));
    calls.push_back([&a, &vx, &vpeer, k = peers.back().get()] { k->spmm(a, vx, {}, vpeer); });
  }
  const Array<Bf16> x16(*b.device, a.n_own * kDim), y16(*b.device, a.rows * kDim);
  const Array<Real> own16(*b.device, a.rows * kDim);
  const Bf16View hx{x16.data(), a.n_own, kDim, kDim}, hy{y16.data(), a.rows, kDim, kDim};
  const View vown16(own16.data(), a.rows, kDim);
  b.kernels.to_bf16(1, vx, {}, false, hx);
  calls.push_back([&] { b.kernels.spmm_bf16(a, {.x = hx, .y = vown16}); });
  calls.push_back([&] { b.kernels.spmm_bf16(a, {.x = hx, .rounded = hy}); });
  calls.push_back([&] { b.kernels.to_bf16(1, vx, {}, false, hx); });
  const std::vector<double> ms = medians(b.queue, calls);
  // The gathered rows, ids and values, row_begin and the result.
  const double bytes = bytes_of(a.entries * (kDim + 2) + a.rows * (kDim + 2));
  const double best = *std::min_element(ms.begin() + 1, ms.begin() + 4);
  print({name + ", own", ms[0], bytes, "GB/s", roof, best});
  for (int algorithm = 1; algorithm <= 3; ++algorithm) {
    const double its = ms[static_cast<std::size_t>(algorithm)];
    print({fmt::format("{}, cuSPARSE ALG{}", name, algorithm), its, bytes, "GB/s", roof});
  }
  const double halves = bytes_of(a.entries * kDim) / 2, rows = bytes_of(a.rows * kDim);
  print({name + ", own in bf16", ms[4], bytes - halves, "GB/s", roof, best});
  print({name + ", own in bf16 to bf16", ms[5], bytes - halves - rows / 2, "GB/s", roof, best});
  print({name + ", operand to bf16", ms[6], 1.5 * bytes_of(a.n_own * kDim), "GB/s", b.copy});
  // Results are sums of products of 0.05 and 0.5 and much below 100.
  const double apart = difference(*b.device, vy, vpeer);
  b.agrees = b.agrees && apart < 1e-3;
  fmt::print("  {} and {} long rows; largest difference to ALG3 {:.2g}{}\n", a.entries,
             a.long_rows.rows, apart, apart < 1e-3 ? "" : ": TOO MUCH");
  // Each of 0.5 is rounded by at most 2^-10: below 5e-5 a term, of either sign. A row of ten
  // million terms is off by about 0.16.
  const double rounding = difference(*b.device, vy, vown16);
  b.agrees = b.agrees && rounding < 1;
  fmt::print("  largest difference to the own one in bf16 {:.2g}{}\n", rounding,
             rounding < 1 ? "" : ": TOO MUCH");
}

void bench_graph(Bench& b, const std::string& name, Index users, Index items, Index edges,
                 const Roof& roof) {
  const Graph g = power_law(users, items, edges);
  const LongRowList long_rows = cut_long_rows(g.begin);
  const Array<Index> begin(*b.device, std::span<const Index>(g.begin)),
      list(*b.device, std::span<const Index>(long_rows.list));
  const Array<LocalIndex> columns(*b.device, std::span<const LocalIndex>(g.columns));
  const Array<Real> values(*b.device, std::span<const Real>(g.values));
  const Index n = users + items;
  bench_product(b, name,
                {.rows = n,
                 .n_own = n,
                 .n_ghost = 0,
                 .row_begin = begin.data(),
                 .columns = columns.data(),
                 .values = values.data(),
                 .entries = columns.size(),
                 .long_rows = long_rows.at(list.data())},
                roof);
}

void bench_folder(Bench& b, const std::string& folder) {
  const auto comm = make_self_communicator();
  const Dataset dataset = Dataset::open(folder);
  const Partition nodes = dataset.node_partition(make_lanes(dataset.stored_lanes(), 1, 0));
  const DistCsr a = bipartite_adjacency(*b.device, *comm, dataset, nodes, Normalization::sym);
  constexpr double kNear = 30e6;  // bytes that surely stay in L2
  bench_product(b, "spmm, " + folder, a.view(),
                bytes_of(dataset.nodes() * kDim) < kNear ? b.near_rows : b.far_rows);
  const double flop =
      2.0 * static_cast<double>(dataset.users()) * static_cast<double>(dataset.items()) * kDim;
  const Array<Real> vectors = b.random(nodes.local_rows() * kDim, 1);
  print(
      {"evaluator, all users of " + folder,
       evaluation_ms(*b.device, *comm, dataset, nodes, {vectors.data(), nodes.local_rows(), kDim}),
       flop, "TFLOP/s", b.fused});
}

void bench_rows(Bench& b) {
  const Index n = kManyUsers + kManyItems;
  const Array<Real> w = b.random(n * kDim, 1), g = b.random(n * kDim, 2), m(*b.device, n * kDim),
                    v(*b.device, n * kDim);
  const View vw(w.data(), n, kDim), vg(g.data(), n, kDim), vm(m.data(), n, kDim),
      vv(v.data(), n, kDim);
  const Array<LocalIndex> rows = b.random_rows(kReads, n, 3);
  const Array<Real> y(*b.device, kReads * kDim);
  double ms = b.time([&] { b.kernels.gather_rows(vw, rows.span(), {y.data(), kReads, kDim}); });
  print({"gather_rows, 4 M of 4 M rows", ms, 2 * bytes_of(kReads * kDim), "GB/s", b.copy});
  b.kernels.fill(0, vm);
  b.kernels.fill(0, vv);
  const UpdateOptions o{
      .rate = Real(1e-3), .epsilon = Real(1e-8), .beta1 = Real(0.9), .beta2 = Real(0.999)};
  ms = b.time([&] { b.kernels.adam(o, vg, vw, vm, vv); });
  print({"adam, 4 M rows", ms, 7 * bytes_of(n * kDim), "GB/s", b.copy});
}

// Rows of a table in host memory, as they are fetched and written back (embedding/host_tier.h), in
// part of what copies them in one piece. All numbers are 1, so that a row may be written twice.
void bench_host_rows(Bench& b) {
  const Index n = kManyUsers + kManyItems;
  const auto bytes = static_cast<std::size_t>(n * kDim) * sizeof(Real);
  const View host(static_cast<Real*>(b.device->allocate_host(bytes)), n, kDim);
  b.kernels.fill(1, host);
  for (const Index count : {Index{6'144}, kReads}) {
    const Array<LocalIndex> rows = b.random_rows(count, n, 3);
    const Array<Real> near(*b.device, count * kDim);
    const View y(near.data(), count, kDim);
    const auto copied = static_cast<std::size_t>(y.size()) * sizeof(Real);
    const std::vector<double> ms =
        medians(b.queue, {[&] { b.queue.copy(y.data, host.data, copied, cudaMemcpyHostToDevice); },
                          [&] { b.kernels.gather_rows(host, rows.span(), y); },
                          [&] { b.kernels.scatter_rows(y, rows.span(), host); }});
    const double amount = bytes_of(y.size());
    const Roof bus{"bus", amount / ms[0] * 1e3};
    const auto name = fmt::format("{} of 4 M rows in host memory, ", count);
    print({name + "fetched", ms[1], amount, "GB/s", bus});
    print({name + "written", ms[2], amount, "GB/s", bus});
  }
  b.device->release_host(host.data, bytes);
}

// InfoNCE of a batch against another: each pair's exponential is taken forward and again backward.
void bench_contrast(Bench& b, Index n, bool bf16) {
  cuda::StreamQueue queue{static_cast<cudaStream_t>(b.device->stream()), processors_of_gpu()};
  const CudaKernels kernels(queue, {.bf16_contrast = bf16});  // with scratch memory of its own
  const Array<Real> a = b.random(n * kDim, 1), h = b.random(n * kDim, 2), g = b.random(n, 3),
                    y(*b.device, n), da(*b.device, n * kDim), dh(*b.device, n * kDim);
  const View va(a.data(), n, kDim), vh(h.data(), n, kDim), vg(g.data(), n, 1), vy(y.data(), n, 1),
      vda(da.data(), n, kDim), vdh(dh.data(), n, kDim);
  for (const View& v : {vy, vda, vdh}) b.kernels.fill(0, v);
  const Pairs pairs{.scale = Real(0.3), .shift = Real(0.3)};
  const double exponentials = static_cast<double>(n) * static_cast<double>(n);
  const std::vector<double> ms =
      medians(queue, {[&] { kernels.exp_sums(pairs, va, vh, 0, vy); },
                      [&] { kernels.exp_sums_grad(pairs, va, vh, vg, 0, vda, 0, vdh); }});
  const auto name = fmt::format("InfoNCE of {} rows{}, ", n, bf16 ? " in bf16" : "");
  print({name + "forward", ms[0], exponentials, "Texp/s", b.exponential});
  print({name + "backward", ms[1], exponentials, "Texp/s", b.exponential});
  print({name + "both", ms[0] + ms[1], 2 * exponentials, "Texp/s", b.exponential, 0,
         queue.scratch_bytes()});
}

void bench_ranking(Bench& b) {
  constexpr Index kBest = 20, kItemBlock = 4096;
  const Array<Real> users = b.random(kUsers * kDim, 1), items = b.random(kItems * kDim, 2),
                    scores(*b.device, kUsers * kBest);
  std::vector<Index> numbers(kItems);
  std::iota(numbers.begin(), numbers.end(), Index{0});
  const Array<Index> ids(*b.device, std::span<const Index>(numbers)),
      best(*b.device, kUsers * kBest);
  std::fill(numbers.begin(), numbers.end(), Index{0});
  const Array<Index> begin(*b.device, std::span<const Index>(numbers).first(kUsers + 1));
  const double ms = b.time([&] {
    b.kernels.fill(-std::numeric_limits<Real>::infinity(), {scores.data(), kUsers, kBest});
    cuda::check(cudaMemsetAsync(best.data(), 0xff, sizeof(Index) * kUsers * kBest,
                                static_cast<cudaStream_t>(b.queue.stream())),
                "cudaMemsetAsync");
    for (Index first = 0; first < kItems; first += kItemBlock) {
      const Index count = std::min(kItemBlock, kItems - first);
      b.kernels.update_top_k({users.data(), kUsers, kDim},
                             {items.data() + first * kDim, count, kDim}, ids.data() + first,
                             {begin.data(), nullptr}, {kUsers, kBest, scores.data(), best.data()});
    }
  });
  const double flop = 2.0 * static_cast<double>(kUsers) * static_cast<double>(kItems) * kDim;
  print({"top 20, all users and items of Gowalla", ms, flop, "TFLOP/s", b.fused});
}

int run(std::vector<std::string> arguments) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    fmt::print("gpu_bench: skipped, no GPU\n");
    return 0;
  }
  if (arguments.size() >= 2 && arguments[0] == "--json") {
    print_also_to(arguments[1]);
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  Bench b;
  print_heading();
  measure_roofs(b);
  bench_graph(b, "spmm, Gowalla's size", kUsers, kItems, kEdges, b.near_rows);
  if (!arguments.empty()) bench_folder(b, arguments[0]);
  bench_graph(b, "spmm, 4 M nodes", kManyUsers, kManyItems, kManyEdges, b.far_rows);
  bench_rows(b);
  bench_host_rows(b);
  for (const bool bf16 : {false, true}) {
    for (const Index n : {65'536, 1'048'576}) bench_contrast(b, n, bf16);
  }
  bench_ranking(b);
  return b.agrees ? 0 : 1;
}

}  // namespace
}  // namespace chorale::bench

int main(int argc, char** argv) { return chorale::bench::run({argv + 1, argv + argc}); }
