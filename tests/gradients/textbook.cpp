// The transcriptions, one function a model, and the adjacency matrix they share.
#include "tests/gradients/textbook.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <utility>

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

// Rows divided by their sums; those that sum to zero stay zero.
void divide_rows(Dense& a) {
  const std::vector<double> d = degrees(a);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (double& x : a[i]) x = d[i] == 0 ? 0 : x / d[i];
  }
}

void divide_symmetrically(Dense& a) {
  const std::vector<double> d = degrees(a);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a.size(); ++j) {
      if (a[i][j] != 0) a[i][j] /= std::sqrt(d[i] * d[j]);
    }
  }
}

// x / max(|x|, 1e-12)
std::vector<double> direction(std::vector<double> x) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  for (double& value : x) value /= std::max(std::sqrt(squares), 1e-12);
  return x;
}

void append_direction(const std::vector<double>& x, std::vector<double>& to) {
  const std::vector<double> n = direction(x);
  to.insert(to.end(), n.begin(), n.end());
}

// The mean of a^first x, ..., a^last x.
Dense mean_of_layers(const Dense& a, Dense x, int first, int last) {
  Dense mean = zeros(x.size(), x[0].size());
  for (int k = 0; k <= last; ++k) {
    if (k > 0) x = product(a, x);
    if (k < first) continue;
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < x[i].size(); ++j) mean[i][j] += x[i][j] / (last - first + 1);
    }
  }
  return mean;
}

Dense mf(const v1::Model&, Experiment& e) { return table(e, "mf.ego"); }

// LightGCN without its options: what the contrastive models score with.
Dense plain_lightgcn(Experiment& e, const std::string& name, int first, int last) {
  Dense a = adjacency(e.dataset());
  divide_symmetrically(a);
  return mean_of_layers(a, table(e, name), first, last);
}

Dense sgl(const v1::Model& m, Experiment& e) {
  return plain_lightgcn(e, "sgl.ego", 0, m.sgl().layers());
}
// Yu et al. 2022 and 2023, as their code runs: layer 0 is left out.
Dense simgcl(const v1::Model& m, Experiment& e) {
  return plain_lightgcn(e, "simgcl.ego", 1, m.simgcl().layers());
}
Dense xsimgcl(const v1::Model& m, Experiment& e) {
  return plain_lightgcn(e, "xsimgcl.ego", 1, m.xsimgcl().layers());
}
Dense direct_au(const v1::Model& m, Experiment& e) {
  return plain_lightgcn(e, "direct_au.ego", 0, m.direct_au().layers());
}

// He et al. 2020, eqs. 3 and 4: e_u^(k+1) = sum over i of e_i^(k) / sqrt(|N_u| |N_i|); the mean of
// all layers.
Dense lightgcn(const v1::Model& model, Experiment& e) {
  Dense a = adjacency(e.dataset());
  divide_symmetrically(a);
  const int layers = model.lightgcn().layers();
  Dense z = mean_of_layers(a, table(e, "lightgcn.ego"), model.lightgcn().last_layer() ? layers : 0,
                           layers);
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
  for (Index node = 0; node < e.dataset().users() + e.dataset().items(); ++node) {
    const auto i = static_cast<std::size_t>(e.dataset().row_of_node(node));
    a[i][i] = 1;  // other entities are not in the graph
  }
  divide_rows(a);
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
      for (std::size_t j = 0; j < x[i].size(); ++j) {
        x[i][j] = leaky(sum[i][j] + b1[0][j]) + leaky(bi[i][j] + b2[0][j]);
      }
      append_direction(x[i], all[i]);
    }
  }
  return all;
}

// Rows of all users, or of all items, in the order of the rows.
std::vector<std::size_t> rows_of(const Dataset& data, bool users) {
  std::vector<std::size_t> rows;
  for (Index row = 0; row < data.nodes(); ++row) {
    const Index node = data.node_of_row(row);
    if (users ? data.is_user(node) : data.is_item(node))
      rows.push_back(static_cast<std::size_t>(row));
  }
  return rows;
}

// h added to the chosen rows of x, as directions.
void fuse(const std::vector<std::size_t>& rows, const Dense& h, Dense& x) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::vector<double> n = direction(h[i]);
    for (std::size_t j = 0; j < n.size(); ++j) x[rows[i]][j] += n[j];
  }
}

// Items that list j among their nearest share hyperedge j: H[i][j] = 1.
Dense incidence(const Dataset& data, const std::vector<std::size_t>& rows, Index neighbours) {
  const Features features = data.features("image");
  const auto id = [&](std::size_t place) {
    return data.node_of_row(static_cast<Index>(rows[place])) - data.users();
  };
  Dense directions;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto x = features.row(id(i));
    directions.push_back(direction({x.begin(), x.end()}));
  }
  Dense h = zeros(rows.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::pair<double, std::size_t>> others;
    for (std::size_t j = 0; j < rows.size(); ++j) {
      double cosine = 0;
      for (std::size_t c = 0; c < directions[i].size(); ++c)
        cosine += directions[i][c] * directions[j][c];
      others.emplace_back(-cosine, j);
    }
    std::sort(others.begin(), others.end());
    for (std::size_t n = 0; n < static_cast<std::size_t>(neighbours); ++n) {
      if (others[n].first < 0) h[i][others[n].second] = 1;
    }
  }
  return h;
}

Dense times_transposed(const Dense& a) {
  Dense at = zeros(a[0].size(), a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[0].size(); ++j) at[j][i] = a[i][j];
  }
  return product(a, at);
}

// arXiv 2504.16576 as its code runs it: z = mean of A^k E + direction of P^L F.
Dense mmhcl(const v1::Model& model, Experiment& e) {
  const v1::Mmhcl& f = model.mmhcl();
  const Dataset& data = e.dataset();
  const Dense all = adjacency(data);
  Dense a = all;
  divide_symmetrically(a);
  Dense z = mean_of_layers(a, table(e, "mmhcl.ego"), 0, f.layers());

  const std::vector<std::size_t> users = rows_of(data, true), items = rows_of(data, false);
  Dense interactions;
  for (const std::size_t u : users) interactions.push_back(all[u]);
  Dense p = times_transposed(interactions);
  for (std::size_t u = 0; u < p.size(); ++u) p[u][u] = 0;
  divide_rows(p);
  Dense h = table(e, "mmhcl.hyper_user");
  for (int k = 0; k < f.user_layers(); ++k) h = product(p, h);
  fuse(users, h, z);

  p = times_transposed(incidence(data, items, f.neighbours()));
  divide_symmetrically(p);
  h = table(e, "mmhcl.hyper_item");
  for (int k = 0; k < f.item_layers(); ++k) h = product(p, h);
  fuse(items, h, z);
  return z;
}

// One direction of an interaction or of a fact.
struct Edge {
  std::size_t head, tail, relation;
};

std::vector<Edge> edges_with_inverses(const Dataset& data) {
  const auto half = static_cast<std::size_t>(data.relations()) + 1;
  std::vector<Edge> edges;
  const auto add = [&](Index head, Index tail, std::size_t relation) {
    const auto h = static_cast<std::size_t>(head), t = static_cast<std::size_t>(tail);
    edges.push_back({h, t, relation});
    edges.push_back({t, h, relation + half});
  };
  for (Index u = 0; u < data.users(); ++u) {
    for (const std::int32_t i : data.items_of(Split::train, u))
      add(data.row_of_user(u), data.row_of_item(i), 0);
  }
  for (Index entity = 0; entity < data.entities(); ++entity) {
    const Facts facts = data.facts_from(entity);
    for (std::size_t k = 0; k < facts.entities.size(); ++k) {
      add(data.row_of_entity(entity), data.row_of_entity(facts.entities[k]),
          static_cast<std::size_t>(facts.relations[k]) + 1);
    }
  }
  return edges;
}

// Wang et al. 2019, eqs. 4 and 5: softmax over the edges of a head of (W_r e_t) . tanh(W_r e_h +
// e_r), with row vectors and W_r as a row-major matrix.
Dense attention_matrix(Experiment& e, const Dense& x, const std::vector<Edge>& edges) {
  const Dense vectors = table(e, "kgat.relation"), matrices = table(e, "kgat.relation_matrix");
  Dense a = zeros(x.size(), x.size());
  for (const Edge& edge : edges) {
    const std::vector<double>& w = matrices[edge.relation];
    const std::vector<double>& r = vectors[edge.relation];
    double score = 0;
    for (std::size_t k = 0; k < r.size(); ++k) {
      double head = r[k], tail = 0;
      for (std::size_t c = 0; c < x[0].size(); ++c) {
        head += x[edge.head][c] * w[c * r.size() + k];
        tail += x[edge.tail][c] * w[c * r.size() + k];
      }
      score += tail * std::tanh(head);
    }
    a[edge.head][edge.tail] += std::exp(score);
  }
  divide_rows(a);
  return a;
}

// The published code, bi-interaction, with attention that reaches the graph; dropout off. To be
// compared at the end of an epoch, when attention has just been computed.
Dense kgat(const v1::Model& model, Experiment& e) {
  Dense x = table(e, "kgat.ego"), all = x;
  const Dense a = attention_matrix(e, x, edges_with_inverses(e.dataset()));
  const auto leaky = [&](double v) { return v > 0 ? v : model.kgat().slope() * v; };
  for (int k = 0; k < model.kgat().widths_size(); ++k) {
    const std::string at = "." + std::to_string(k);
    const Dense w1 = table(e, "kgat.w_gc" + at), b1 = table(e, "kgat.b_gc" + at),
                w2 = table(e, "kgat.w_bi" + at), b2 = table(e, "kgat.b_bi" + at);
    Dense sum = product(a, x), both = sum;
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < x[i].size(); ++j) {
        both[i][j] *= x[i][j];
        sum[i][j] += x[i][j];
      }
    }
    const Dense first = product(sum, w1), second = product(both, w2);
    x = first;
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < x[i].size(); ++j)
        x[i][j] = leaky(first[i][j] + b1[0][j]) + leaky(second[i][j] + b2[0][j]);
      append_direction(x[i], all[i]);
    }
  }
  return all;
}

}  // namespace

Textbook textbook(const std::string& model) {
  static const std::map<std::string, Textbook> transcriptions = {
      {"mf", mf},         {"lightgcn", lightgcn}, {"ngcf", ngcf},
      {"mmhcl", mmhcl},   {"kgat", kgat},         {"sgl", sgl},
      {"simgcl", simgcl}, {"xsimgcl", xsimgcl},   {"direct_au", direct_au}};
  BOOST_TEST_REQUIRE(transcriptions.contains(model), "no textbook transcription of " << model);
  return transcriptions.at(model);
}

}  // namespace chorale::test
