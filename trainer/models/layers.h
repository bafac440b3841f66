// What models share: layers, means of them, and noise.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "trainer/autodiff/ops.h"

namespace chorale {

// Coefficients for propagate: the mean of A^first x .. A^last x.
std::vector<double> mean_of_layers(int first, int last);

// Layers 1 .. n, where layer k is A times layer k - 1 and noise of this length, fresh in each;
// layer 0 is x. Outside training there is no noise (add_noise).
std::vector<Var> noisy_layers(const DistCsr& a, Var x, int n, double length,
                              std::span<const Index> names);

// Layers as NGCF and KGAT have them: e beside the row-normalised layers 1 .. n, where layer k is
// layer(k - 1, e, A e) of the un-normalised one before. With `gathered`, columns of a batch, only
// the rows that they name need be computed: of the last layer no others are.
using Layer = std::function<Var(int k, Var e, Var from_neighbours)>;
Var normalized_layers(const DistCsr& a, Var e, int n, std::span<const IdColumn* const> gathered,
                      const Layer& layer);

Var mean(std::span<const Var> xs);  // of at least one

// InfoNCE between the rows of two views that a batch names.   x, y:(nodes,d) rows
Var batch_contrast(Var x, Var y, const IdColumn& ids, double temperature);

}  // namespace chorale
