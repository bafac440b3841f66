// See catalogue_interaction.h. Rates of dropout are sums of few powers of two, as in catalogue.cpp.
#include "tests/kernels/catalogue_interaction.h"

#include "tests/kernels/catalogue_sparse.h"

namespace chorale::test {
namespace {

using K = const Kernels&;
using S = Scene&;

// A layer from d to d + 3 columns; small numbers, so that sums of integers stay exact.
BiInteraction layer(S s, Real rate) {
  BiInteraction layer{.self = 1,
                      .slope = Real(0.25),
                      .mask = mask(),
                      .global_row = row_names(s),
                      .w_sum = s.in(s.d, s.d + 3),
                      .b_sum = s.in(1, s.d + 3),
                      .w_product = s.in(s.d, s.d + 3),
                      .b_product = s.in(1, s.d + 3)};
  layer.mask.rate = rate;
  return layer;
}

// All eight combinations of bits.
std::uint8_t* bits(S s) {
  std::vector<std::uint8_t> bits(static_cast<std::size_t>(s.n * (s.d + 3)));
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = i * 5 / 3 % 8;
  return const_cast<std::uint8_t*>(s.keep(std::move(bits)));
}

}  // namespace

DropoutMask mask() { return {.seed = 5, .step = 7, .op = 2, .rate = Real(0.25)}; }

const Index* row_names(S s) {
  std::vector<Index> names(static_cast<std::size_t>(s.n));
  for (Index i = 0; i < s.n; ++i) names[static_cast<std::size_t>(i)] = 3 * i + (Index{1} << 33);
  return s.keep(std::move(names));
}

// The bits that come out are an output too, but where sums are rounded: there a number near zero
// may have either sign.
void bi_interaction(K k, S s) {
  const View seen = s.out(s.n, s.d + 3);
  for (const Real rate : {Real(0), Real(0.25)}) {
    const BiInteraction of = layer(s, rate);
    std::uint8_t* b = bits(s);
    k.bi_interaction(of, s.in(s.n, s.d), s.in(s.n, s.d), b, s.out(s.n, s.d + 3));
    s.wait();
    for (Index i = 0; s.is_exact() && i < seen.rows; ++i) {
      for (Index j = 0; j < seen.cols; ++j) seen(i, j) += static_cast<Real>(b[i * seen.cols + j]);
    }
  }
  BiInteraction of = layer(s, 0);
  of.self = 0;
  of.global_row = nullptr;
  k.bi_interaction(of, s.in(s.n, s.d), s.in(s.n, s.d), nullptr, s.out(s.n, s.d + 3));
}

void bi_interaction_grad(K k, S s) {
  const Index m = s.d + 3;
  for (const bool add : {false, true}) {
    const BiInteraction of = layer(s, Real(0.5));
    const BiInteractionWeights dw{s.out(4, s.d * m), s.out(4, m), s.out(4, s.d * m), s.out(4, m)};
    k.bi_interaction_grad(of, s.in(s.n, s.d), s.in(s.n, s.d), bits(s), s.in(s.n, m), s.lanes(), add,
                          s.out(s.n, s.d), s.out(s.n, s.d), dw);
  }
}

// Names come out as numbers: what differs in the low bits must show.
void gather_names(K k, S s) {
  const Rows rows = every_third(s);
  const auto count = static_cast<Index>(rows.size());
  auto* to = const_cast<Index*>(s.keep(std::vector<Index>(rows.size(), -1)));
  k.gather_names({row_names(s), static_cast<std::size_t>(s.n)}, rows, to);
  s.wait();
  const View seen = s.out(count, 1);
  for (Index i = 0; i < count; ++i) seen(i, 0) = static_cast<Real>(to[i] - (Index{1} << 33));
}

}  // namespace chorale::test
