#include "trainer/models/layers.h"

#include <algorithm>

#include "trainer/losses/losses.h"

namespace chorale {

std::vector<double> mean_of_layers(int first, int last) {
  std::vector<double> c(static_cast<std::size_t>(last) + 1, 0.0);
  std::fill(c.begin() + first, c.end(), 1.0 / (last - first + 1));
  return c;
}

std::vector<Var> noisy_layers(const DistCsr& a, Var x, int n, double length,
                              std::span<const Index> names) {
  std::vector<Var> layers;
  for (int k = 0; k < n; ++k) {
    x = add_noise(spmm(a, x), length, names);
    layers.push_back(x);
  }
  return layers;
}

Var normalized_layers(const DistCsr& a, Var e, int n, std::span<const IdColumn* const> gathered,
                      const Layer& layer) {
  std::vector<Var> parts{choose(e, gathered)};
  for (int k = 0; k < n; ++k) {
    const auto needed = k == n - 1 ? gathered : std::span<const IdColumn* const>();
    Var own = choose(e, needed), from_neighbours = spmm(a, e, needed);
    e = layer(k, own, from_neighbours);
    parts.push_back(normalize_rows(choose(e, gathered)));
  }
  return concat(parts);
}

Var mean(std::span<const Var> xs) {
  Var total = xs.front();
  for (const Var x : xs.subspan(1)) total = total + x;
  return (1.0 / static_cast<double>(xs.size())) * total;
}

Var batch_contrast(Var x, Var y, const IdColumn& ids, double temperature) {
  Var from = gather(x, ids), to = gather(y, ids);
  return info_nce(from, to, ids, temperature);
}

}  // namespace chorale
