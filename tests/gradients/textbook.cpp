// The transcriptions, one function a model, and the adjacency matrix they share.
#include "tests/gradients/textbook.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

namespace chorale::test {
namespace {

Dense zeros(std::size_t rows, std::size_t cols) {
  return Dense(rows, std::vector<double>(cols, 0.0));
}

Dense product(const Dense& a, const Dense& b) {
  Dense c = zeros(a.size(), b[0].size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < b.size(); ++k) {
      for (std::size_t j = 0; j < b[0].size(); ++j) c[i][j] += a[i][k] * b[k][j];
    }
  }
  return c;
}

Dense table(Experiment& e, const std::string& name) {
  for (const Table* t : e.tables()) {
    if (t->name() != name) continue;
    Dense values = zeros(static_cast<std::size_t>(t->rows()), static_cast<std::size_t>(t->cols()));
    for (Index i = 0; i < t->rows(); ++i) {
      for (Index j = 0; j < t->cols(); ++j) {
        values[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = t->values()(i, j);
      }
    }
    return values;
  }
  BOOST_FAIL("there is no table " << name);
  return {};
}

// The 0/1 adjacency of users and items, in the trainer's row order.
Dense adjacency(const Dataset& data) {
  const auto n = static_cast<std::size_t>(data.nodes());
  Dense a = zeros(n, n);
  for (Index u = 0; u < data.users(); ++u) {
    for (const std::int32_t i : data.items_of(Split::train, u)) {
      const auto row = static_cast<std::size_t>(data.row_of_user(u));
      const auto column = static_cast<std::size_t>(data.row_of_item(i));
      a[row][column] = a[column][row] = 1;
    }
  }
  return a;
}

std::vector<double> degrees(const Dense& a) {
  std::vector<double> d(a.size(), 0.0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (const double x : a[i]) d[i] += x;
  }
  return d;
}

Dense mf(const v1::Model&, Experiment& e) { return table(e, "mf.ego"); }

// He et al. 2020, eqs. 3 and 4: e_u^(k+1) = sum over i of e_i^(k) / sqrt(|N_u| |N_i|); the mean of
// all layers.
Dense lightgcn(const v1::Model& model, Experiment& e) {
  Dense a = adjacency(e.dataset());
  const std::vector<double> d = degrees(a);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a.size(); ++j) {
      if (a[i][j] != 0) a[i][j] = 1.0 / std::sqrt(d[i] * d[j]);
    }
  }
  Dense x = table(e, "lightgcn.ego"), mean = x;
  const int layers = model.lightgcn().layers();
  for (int k = 0; k < layers; ++k) {
    x = product(a, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < x[i].size(); ++j) mean[i][j] += x[i][j];
    }
  }
  for (auto& row : mean) {
    for (double& value : row) value /= layers + 1;
  }
  Dense z = model.lightgcn().last_layer() ? x : mean;
  // An item scores with |z|^rho times its direction.
  for (Index i = 0; i < e.dataset().items(); ++i) {
    auto& row = z[static_cast<std::size_t>(e.dataset().row_of_item(i))];
    double squares = 0;
    for (const double value : row) squares += value * value;
    const double factor = std::pow(std::sqrt(squares), model.lightgcn().item_norm_exponent() - 1);
    if (squares > 0) {
      for (double& value : row) value *= factor;
    }
  }
  return z;
}

// The published code with its default matrix (A + I) divided by its row sums; dropout off.
Dense ngcf(const v1::Model& model, Experiment& e) {
  Dense a = adjacency(e.dataset());
  for (std::size_t i = 0; i < a.size(); ++i) a[i][i] = 1;
  const std::vector<double> d = degrees(a);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (double& x : a[i]) x /= d[i];
  }
  const auto leaky = [&](double x) { return x > 0 ? x : model.ngcf().slope() * x; };
  Dense x = table(e, "ngcf.ego"), all = x;
  for (int k = 0; k < model.ngcf().widths_size(); ++k) {
    const std::string at = "." + std::to_string(k);
    const Dense w1 = table(e, "ngcf.w_gc" + at), b1 = table(e, "ngcf.b_gc" + at),
                w2 = table(e, "ngcf.w_bi" + at), b2 = table(e, "ngcf.b_bi" + at);
    const Dense n = product(a, x);
    Dense both = n;
    for (std::size_t i = 0; i < n.size(); ++i) {
      for (std::size_t j = 0; j < n[i].size(); ++j) both[i][j] = x[i][j] * n[i][j];
    }
    const Dense sum = product(n, w1), bi = product(both, w2);
    x = sum;
    for (std::size_t i = 0; i < x.size(); ++i) {
      double squares = 0;
      for (std::size_t j = 0; j < x[i].size(); ++j) {
        x[i][j] = leaky(sum[i][j] + b1[0][j]) + leaky(bi[i][j] + b2[0][j]);
        squares += x[i][j] * x[i][j];
      }
      for (const double value : x[i]) all[i].push_back(value / std::max(std::sqrt(squares), 1e-12));
    }
  }
  return all;
}

}  // namespace

Textbook textbook(const std::string& model) {
  static const std::map<std::string, Textbook> transcriptions = {
      {"mf", mf}, {"lightgcn", lightgcn}, {"ngcf", ngcf}};
  BOOST_TEST_REQUIRE(transcriptions.contains(model), "no textbook transcription of " << model);
  return transcriptions.at(model);
}

}  // namespace chorale::test
