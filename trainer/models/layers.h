// What the contrastive models on LightGCN's propagation share: layers, means of them, and noise.
#pragma once

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

Var mean(std::span<const Var> xs);  // of at least one

// InfoNCE between the rows of two views that a batch names.   x, y:(nodes,d) rows
Var batch_contrast(Var x, Var y, const IdColumn& ids, double temperature);

}  // namespace chorale
