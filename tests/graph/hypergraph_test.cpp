// Clique expansions: both forms are one operator, its transpose is its adjoint, and ranks do not
// show.
#include "graph/hypergraph.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "comm/self_communicator.h"
#include "tests/graph/rank_world.h"

namespace chorale {
namespace {

constexpr Index kUsers = 23, kItems = 31, kCols = 3;
constexpr CliqueForm kForms[] = {CliqueForm::expanded, CliqueForm::factored};

// Users 0, 4, 8, ... have no item; item 30 belongs to user 22 alone, who has no other.
Incidence items_of_users() {
  Incidence h;
  for (Index u = 0; u < kUsers; ++u) {
    for (Index i = 0; u % 4 > 0 && u < 22 && i < 30; ++i) {
      if (test_below(51, u * kItems + i, 5) == 0) h.edges.push_back(static_cast<LocalIndex>(i));
    }
    if (u == 22) h.edges.push_back(30);
    h.begin.push_back(static_cast<Index>(h.edges.size()));
  }
  return h;
}

// Two modalities; list m of item i holds itself and k - 1 others.
std::vector<NeighbourLists> modalities(Index k) {
  std::vector<NeighbourLists> lists(2);
  for (Index m = 0; m < 2; ++m) {
    lists[static_cast<std::size_t>(m)].k = k;
    for (Index i = 0; i < kItems; ++i) {
      for (Index j = 0; j < k; ++j) {
        lists[static_cast<std::size_t>(m)].rows.push_back(
            static_cast<LocalIndex>((i * (j > 2 ? 2 : 1) + j * (3 + m)) % kItems));
      }
    }
  }
  for (NeighbourLists& l : lists) {  // distinct within a list
    for (Index i = 0; i < kItems; ++i) {
      const auto begin = l.rows.begin() + i * k;
      std::sort(begin, begin + k);
      std::fill(std::unique(begin, begin + k), begin + k, -1);
    }
  }
  return lists;
}

Partition users(const Communicator& comm) { return uneven_partition(comm); }
Partition items(const Communicator& comm) {
  return Partition::uniform(kItems, {8, comm.size(), comm.rank()});
}

CliqueOperator user_operator(RankWorld& w, Communicator& comm, CliqueForm form) {
  return co_interactions(*w.device, comm, users(comm), items(comm), items_of_users(), form);
}
CliqueOperator item_operator(RankWorld& w, Communicator& comm, CliqueForm form) {
  return shared_neighbours(*w.device, comm, items(comm), modalities(5), form);
}

// C = H H^T of the users, as a dense matrix.
Matrix dense_users(bool normalised) {
  const Incidence h = items_of_users();
  Matrix c(kUsers, kUsers);
  for (Index u = 0; u < kUsers; ++u) {
    for (Index v = 0; v < kUsers; ++v) {
      if (u == v) continue;
      for (Index a = h.begin[static_cast<std::size_t>(u)];
           a < h.begin[static_cast<std::size_t>(u) + 1]; ++a) {
        for (Index b = h.begin[static_cast<std::size_t>(v)];
             b < h.begin[static_cast<std::size_t>(v) + 1]; ++b) {
          c(u, v) +=
              h.edges[static_cast<std::size_t>(a)] == h.edges[static_cast<std::size_t>(b)] ? 1 : 0;
        }
      }
    }
  }
  for (Index u = 0; normalised && u < kUsers; ++u) {
    Real degree = 0;
    for (Index v = 0; v < kUsers; ++v) degree += c(u, v);
    for (Index v = 0; v < kUsers && degree > 0; ++v) c(u, v) /= degree;
  }
  return c;
}

Matrix dense_items() {
  const auto lists = modalities(5);
  Matrix g(kItems, kItems);
  for (Index i = 0; i < kItems; ++i) {
    for (Index j = 0; j < kItems; ++j) {
      for (const NeighbourLists& l : lists) {
        for (const LocalIndex a : l.of(i)) {
          for (const LocalIndex b : l.of(j)) g(i, j) += a == b ? 1 : 0;
        }
      }
    }
    Index neighbours = 0;
    for (const NeighbourLists& l : lists) neighbours += static_cast<Index>(l.of(i).size());
    require(g(i, i) == static_cast<Real>(neighbours), "the diagonal is the number of neighbours");
  }
  std::vector<double> degree(kItems, 0);
  for (Index i = 0; i < kItems; ++i) {
    for (Index j = 0; j < kItems; ++j) degree[static_cast<std::size_t>(i)] += g(i, j);
  }
  for (Index i = 0; i < kItems; ++i) {
    for (Index j = 0; j < kItems; ++j) {
      g(i, j) = static_cast<Real>(g(i, j) / std::sqrt(degree[static_cast<std::size_t>(i)] *
                                                      degree[static_cast<std::size_t>(j)]));
    }
  }
  return g;
}

std::vector<Index> counting(Index n) {
  std::vector<Index> ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), Index{0});
  return ids;
}

Matrix input(const Partition& part) {
  return own_rows(part, kCols, [](Index i, Index j) { return test_real(52, i, j); });
}

Matrix product(RankWorld& w, const CliqueOperator& p, Matrix x) {
  Matrix y(p.partition().local_rows(), x.d);
  p.multiply(w.arena, x.view(), y.view());
  return y;
}

Matrix transposed_product(RankWorld& w, const CliqueOperator& p, Matrix x) {
  Matrix y(p.partition().local_rows(), x.d);
  p.multiply_transposed_add(w.arena, x.view(), y.view());
  return y;
}

// y = P x and z = P^T x of one rank against the dense matrix.
void compare_with(const Matrix& dense, const CliqueOperator& p, RankWorld& w) {
  Matrix x = input(p.partition()), d = dense;
  Matrix y = product(w, p, x), z = transposed_product(w, p, x);
  // 31 terms of at most 4, once more in the factored form: 200 eps.
  const double tolerance = 200 * static_cast<double>(std::numeric_limits<Real>::epsilon());
  for (Index i = 0; i < y.n; ++i) {
    for (Index j = 0; j < kCols; ++j) {
      double expected = 0, expected_transposed = 0;
      for (Index c = 0; c < y.n; ++c) {
        expected += static_cast<double>(d(i, c)) * static_cast<double>(x(c, j));
        expected_transposed += static_cast<double>(d(c, i)) * static_cast<double>(x(c, j));
      }
      BOOST_TEST(std::abs(y(i, j) - expected) <= tolerance);
      BOOST_TEST(std::abs(z(i, j) - expected_transposed) <= tolerance);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hypergraph)

BOOST_AUTO_TEST_CASE(both_forms_of_users_are_the_dense_operator) {
  RankWorld w;
  const auto comm = make_self_communicator();
  for (const CliqueForm form : kForms)
    compare_with(dense_users(true), user_operator(w, *comm, form), w);
}

BOOST_AUTO_TEST_CASE(both_forms_of_items_are_the_dense_operator) {
  RankWorld w;
  const auto comm = make_self_communicator();
  for (const CliqueForm form : kForms)
    compare_with(dense_items(), item_operator(w, *comm, form), w);
}

BOOST_AUTO_TEST_CASE(rows_of_users_sum_to_one_or_to_zero) {
  RankWorld w;
  const auto comm = make_self_communicator();
  Matrix dense = dense_users(false);
  // At most 22 values are added, each and each sum rounded; factored, 13 values with sums below 2.
  const double tolerance = 50 * static_cast<double>(std::numeric_limits<Real>::epsilon());
  for (const CliqueForm form : kForms) {
    Matrix sums = product(w, user_operator(w, *comm, form), Matrix(kUsers, 1, 1));

    Index isolated = 0;
    for (Index u = 0; u < kUsers; ++u) {
      Real degree = 0;
      for (Index v = 0; v < kUsers; ++v) degree += dense(u, v);
      isolated += degree == 0 ? 1 : 0;
      if (degree == 0) BOOST_TEST(sums(u, 0) == 0);
      if (degree > 0) BOOST_TEST(std::abs(sums(u, 0) - 1) <= tolerance);
    }
    BOOST_TEST(isolated == 7);
  }
}

// Features above zero, so that every list is full: of M = 2 modalities, k = 4 neighbours.
BOOST_AUTO_TEST_CASE(before_normalisation_the_diagonal_of_items_is_m_k_and_no_row_is_empty) {
  constexpr Index k = 4;
  RankWorld w;
  const auto comm = make_self_communicator();
  std::vector<NeighbourLists> lists;
  for (const std::uint64_t m : {55, 56}) {
    std::vector<float> values;
    for (Index i = 0; i < kItems * 7; ++i)
      values.push_back(static_cast<float>(1 + test_below(m, i, 97)));
    const Features features{
        .side = Features::Side::item, .rows = kItems, .cols = 7, .values = values};
    lists.push_back(
        cosine_neighbours(*w.device, *comm, items(*comm), counting(kItems), features, k));
  }
  std::vector<Index> holders(2 * kItems, 0), degrees(kItems, 0);  // of a hyperedge, of an item
  const auto each = [&](auto f) {
    for (Index i = 0; i < kItems; ++i) {
      for (Index m = 0; m < 2; ++m) {
        for (const LocalIndex j : lists[static_cast<std::size_t>(m)].of(i))
          f(static_cast<std::size_t>(i), static_cast<std::size_t>(2 * j + m));
      }
    }
  };
  each([&](std::size_t, std::size_t edge) { ++holders[edge]; });
  each([&](std::size_t i, std::size_t edge) { degrees[i] += holders[edge]; });

  for (const CliqueForm form : kForms) {
    const CliqueOperator p = shared_neighbours(*w.device, *comm, items(*comm), lists, form);
    for (Index i = 0; i < kItems; ++i) {
      Matrix one(kItems, 1);
      one(i, 0) = 1;
      Matrix column = product(w, p, one);

      // P_ii is G_ii / D_i, at most 8 / 8, of 8 products of rounded factors: 30 eps.
      const double degree = static_cast<double>(degrees[static_cast<std::size_t>(i)]);
      BOOST_TEST(degree >= 2 * k);
      BOOST_TEST(std::abs(static_cast<double>(column(i, 0)) * degree - 2 * k) <=
                 30 * degree * static_cast<double>(std::numeric_limits<Real>::epsilon()));
    }
  }
}

BOOST_AUTO_TEST_CASE(fewer_entries_decide_the_form) {
  RankWorld w;
  const auto comm = make_self_communicator();
  // One hyperedge of all nodes: 31 entries against 31 squared. One of each node: 31 against 62.
  Incidence together, apart;
  for (LocalIndex i = 0; i < kItems; ++i) {
    together.edges.push_back(0);
    apart.edges.push_back(i);
    together.begin.push_back(i + 1);
    apart.begin.push_back(i + 1);
  }
  const auto make = [&](const Incidence& h, CliqueForm form) {
    return CliqueOperator(*w.device, *comm, items(*comm), items(*comm), h,
                          CliqueKind::sym_with_diagonal, form);
  };

  BOOST_TEST(!make(together, CliqueForm::fewer_entries).is_expanded());
  BOOST_TEST(make(together, CliqueForm::fewer_entries).entries() == 2 * kItems);
  BOOST_TEST(make(together, CliqueForm::expanded).entries() == kItems * kItems);
  BOOST_TEST(make(apart, CliqueForm::fewer_entries).is_expanded());
  BOOST_TEST(make(apart, CliqueForm::fewer_entries).entries() == kItems);
}

// The worked example of hypergraph.h.
BOOST_AUTO_TEST_CASE(worked_example) {
  RankWorld w;
  const auto comm = make_self_communicator();
  const Partition three = Partition::uniform(3, {1, 1, 0}), two = Partition::uniform(2, {1, 1, 0});
  const Incidence h{{0, 2, 4, 5}, {0, 1, 0, 1, 1}};
  for (const CliqueForm form : kForms) {
    const CliqueOperator p = co_interactions(*w.device, *comm, three, two, h, form);
    Matrix x(3, 1);
    x(0, 0) = 6;
    x(2, 0) = 12;

    Matrix y = product(w, p, x);

    BOOST_TEST(p.entries() == (form == CliqueForm::expanded ? 6 : 13));
    BOOST_TEST(std::abs(y(0, 0) - 4) < 1e-5);
    BOOST_TEST(std::abs(y(1, 0) - 8) < 1e-5);
    BOOST_TEST(std::abs(y(2, 0) - 3) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(products_have_the_same_bits_on_any_ranks) {
  for (const CliqueForm form :
       {CliqueForm::expanded, CliqueForm::factored, CliqueForm::fewer_entries}) {
    std::vector<Real> alone;
    Index entries = 0;
    for (const int ranks : {1, 2, 3, 5, 8}) {
      run_thread_ranks(ranks, [&](Communicator& comm) {
        RankWorld w;
        std::vector<Real> all;
        const CliqueOperator of_users = user_operator(w, comm, form);
        const CliqueOperator of_items = item_operator(w, comm, form);
        for (const CliqueOperator* p : {&of_users, &of_items}) {
          const Matrix x = input(p->partition());
          for (const Matrix& y : {product(w, *p, x), transposed_product(w, *p, x)}) {
            for (const Real v : gather_all<Real>(comm, y.values)) all.push_back(v);
          }
        }
        const Index read = of_users.entries() + of_items.entries();
        if (comm.size() == 1) entries = read;
        require(read == entries, "the choice of form depends on the ranks");
        if (comm.size() == 1) alone = all;
        require(same_bits(all, alone) && all.size() == 2 * (23 + 31) * kCols, "bits differ");
      });
      BOOST_TEST(true);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_incidence_that_does_not_fit_is_an_error) {
  RankWorld w;
  const auto comm = make_self_communicator();
  const Partition p = Partition::uniform(2, {1, 1, 0});

  BOOST_CHECK_THROW(co_interactions(*w.device, *comm, p, p, {{0, 1, 2}, {0, 2}}), Error);
  BOOST_CHECK_THROW(co_interactions(*w.device, *comm, p, p, {{0, 1}, {0}}), Error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale
