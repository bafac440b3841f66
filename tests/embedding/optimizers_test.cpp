// Every registered optimizer against a loop in double that is written here from the formulas; and
// what must hold of all of them: sparse and dense agree, and a restart in the middle changes no
// bit.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "embedding/optimize.h"
#include "tests/embedding/helpers.h"

namespace chorale::test {
namespace {

constexpr Index kRows = 67, kCols = 5;  // more than a warp, prime
constexpr double kRate = 0.05;

// One row in double. t counts from 1; state[c] is column c of the row.
using RowStep = std::function<void(int t, const std::vector<double>& g, std::vector<double>& w,
                                   std::vector<std::vector<double>>& state)>;

struct Case {
  std::string label;
  std::string optimizer;
  std::map<std::string, double> options;
  RowStep step;
};

RowStep sgd(double l2) {
  return [=](int, const auto& g, auto& w, auto&) {
    for (std::size_t j = 0; j < w.size(); ++j) w[j] -= kRate * (g[j] + l2 * w[j]);
  };
}

RowStep adagrad(double epsilon, double l2) {
  return [=](int, const auto& g, auto& w, auto& state) {
    for (std::size_t j = 0; j < w.size(); ++j) {
      const double x = g[j] + l2 * w[j];
      state[0][j] += x * x;
      w[j] -= kRate * x / (std::sqrt(state[0][j]) + epsilon);
    }
  };
}

RowStep rowwise_adagrad(double epsilon, double l2) {
  return [=](int, const auto& g, auto& w, auto& state) {
    double mean = 0;
    for (std::size_t j = 0; j < w.size(); ++j) {
      mean += std::pow(g[j] + l2 * w[j], 2) / static_cast<double>(w.size());
    }
    state[0][0] += mean;
    for (std::size_t j = 0; j < w.size(); ++j) {
      w[j] -= kRate * (g[j] + l2 * w[j]) / (std::sqrt(state[0][0]) + epsilon);
    }
  };
}

// p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps), or with epsilon outside the
// correction.
RowStep adam(double b1, double b2, double epsilon, bool tf1, double l2, double decay) {
  return [=](int t, const auto& g, auto& w, auto& state) {
    for (std::size_t j = 0; j < w.size(); ++j) {
      double &m = state[0][j], &v = state[1][j];
      const double x = g[j] + l2 * w[j];
      m = b1 * m + (1 - b1) * x;
      v = b2 * v + (1 - b2) * x * x;
      const double c1 = 1 - std::pow(b1, t), c2 = std::sqrt(1 - std::pow(b2, t));
      w[j] *= 1 - kRate * decay;
      w[j] -= tf1 ? kRate * c2 / c1 * m / (std::sqrt(v) + epsilon)
                  : kRate / c1 * m / (std::sqrt(v) / c2 + epsilon);
    }
  };
}

const std::vector<Case>& cases() {
  // Epsilons of 0.01 make the two forms of Adam differ by far more than the tolerance.
  static const std::vector<Case> all = {
      {"sgd", "sgd", {}, sgd(0)},
      {"sgd, l2", "sgd", {{"l2", 0.5}}, sgd(0.5)},
      {"adagrad", "adagrad", {}, adagrad(1e-10, 0)},
      {"adagrad, all",
       "adagrad",
       {{"epsilon", 0.01}, {"initial", 0.5}, {"l2", 0.5}},
       adagrad(0.01, 0.5)},
      {"rowwise", "rowwise_adagrad", {}, rowwise_adagrad(1e-10, 0)},
      {"rowwise, all",
       "rowwise_adagrad",
       {{"epsilon", 0.01}, {"initial", 0.5}, {"l2", 0.5}},
       rowwise_adagrad(0.01, 0.5)},
      {"adam", "adam", {}, adam(0.9, 0.999, 1e-8, false, 0, 0)},
      {"adam, torch", "adam", {{"epsilon", 0.01}}, adam(0.9, 0.999, 0.01, false, 0, 0)},
      {"adam, tf1", "adam", {{"epsilon", 0.01}, {"tf1", 1}}, adam(0.9, 0.999, 0.01, true, 0, 0)},
      {"adam, all",
       "adam",
       {{"beta1", 0.8}, {"beta2", 0.95}, {"epsilon", 0.01}, {"l2", 0.5}},
       adam(0.8, 0.95, 0.01, false, 0.5, 0)},
      {"adamw", "adamw", {}, adam(0.9, 0.999, 1e-8, false, 0, 0.01)},
      {"adamw, decay", "adamw", {{"decay", 0.3}}, adam(0.9, 0.999, 1e-8, false, 0, 0.3)},
  };
  return all;
}

std::unique_ptr<Optimizer> make(const Case& c) {
  return make_optimizer(c.optimizer, Options(c.options));
}

void step(Rank& rank, const Optimizer& optimizer, Table& table, Index t) {
  const Trained tables[] = {{&table}};
  optimize(optimizer, tables, rank.arena, *rank.comm, rank.device->kernels(), kRate, t);
}

void dense_step(Rank& rank, const Optimizer& optimizer, Table& table, Index t,
                const std::vector<Real>& gradient) {
  set(*rank.device, table.gradient().dense(rank.arena, table.rows(), table.cols()), gradient);
  step(rank, optimizer, table, t);
}

// Values and state, one after another.
std::vector<Real> everything(Rank& rank, const Table& table) {
  std::vector<Real> all = host(*rank.device, table.values());
  for (std::size_t c = 0; c < table.state_columns().size(); ++c) {
    const std::vector<Real> s = host(*rank.device, table.state(c));
    all.insert(all.end(), s.begin(), s.end());
  }
  return all;
}

std::vector<LocalIndex> every(LocalIndex first, LocalIndex stride) {
  std::vector<LocalIndex> rows;
  for (LocalIndex i = first; i < kRows; i += stride) rows.push_back(i);
  return rows;
}

std::vector<Real> rows_of(const std::vector<Real>& x, const std::vector<LocalIndex>& rows) {
  std::vector<Real> y;
  for (const LocalIndex r : rows)
    y.insert(y.end(), x.begin() + r * kCols, x.begin() + (r + 1) * kCols);
  return y;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(optimizers)

BOOST_AUTO_TEST_CASE(every_registered_optimizer_is_tested) {
  std::set<std::string> tested;
  for (const Case& c : cases()) tested.insert(c.optimizer);

  const std::vector<std::string> names = optimizer_names();

  BOOST_TEST(names.size() == 5u);
  BOOST_TEST(std::set<std::string>(names.begin(), names.end()) == tested,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(seven_steps_equal_the_textbook) {
  constexpr int kSteps = 7;
  for (const Case& c : cases()) {
    Rank rank;
    Table table = rank.table(kRows, kCols);
    const auto optimizer = make(c);
    table.allocate_state(optimizer->state(kCols));
    const std::vector<Real> start = host(*rank.device, table.values());
    std::vector<double> w(start.begin(), start.end());
    std::vector<std::vector<std::vector<double>>> state(static_cast<std::size_t>(kRows));
    for (auto& row : state) {
      for (const StateColumn& s : table.state_columns()) {
        row.emplace_back(static_cast<std::size_t>(s.width), static_cast<double>(s.initial));
      }
    }

    for (int t = 1; t <= kSteps; ++t) {
      const std::vector<Real> g = numbers(static_cast<std::uint64_t>(10 + t), kRows * kCols);
      dense_step(rank, *optimizer, table, t, g);
      for (Index i = 0; i < kRows; ++i) {
        const auto at = static_cast<std::ptrdiff_t>(i * kCols);
        const std::vector<double> gi(g.begin() + at, g.begin() + at + kCols);
        std::vector<double> wi(w.begin() + at, w.begin() + at + kCols);
        c.step(t, gi, wi, state[static_cast<std::size_t>(i)]);
        std::copy(wi.begin(), wi.end(), w.begin() + at);
      }
    }

    // A step rounds w once or twice (|w| < 2) and an update of at most rate times about sqrt(t) <
    // 3, whose relative error is some 16 roundings of its own and one more a step for what m, v or
    // s carry.
    const double eps = std::numeric_limits<Real>::epsilon();
    const double tolerance = kSteps * (2 * 2 + kRate * 3 * (16 + kSteps)) * eps;
    const std::vector<Real> found = host(*rank.device, table.values());
    double worst = 0;
    for (std::size_t i = 0; i < w.size(); ++i) worst = std::max(worst, std::abs(found[i] - w[i]));
    BOOST_TEST(worst <= tolerance, c.label << ": off by " << worst << ", allowed " << tolerance);
  }
}

BOOST_AUTO_TEST_CASE(dense_equals_sparse_when_every_row_is_touched) {
  for (const Case& c : cases()) {
    Rank rank;
    Table dense = rank.table(kRows, kCols), sparse = rank.table(kRows, kCols),
          halves = rank.table(kRows, kCols);
    const auto optimizer = make(c);
    for (Table* t : {&dense, &sparse, &halves}) t->allocate_state(optimizer->state(kCols));

    for (Index t = 1; t <= 3; ++t) {
      const std::vector<Real> g = numbers(static_cast<std::uint64_t>(t), kRows * kCols);
      dense_step(rank, *optimizer, dense, t, g);
      sparse.gradient().add(rank.part(every(0, 1), g, kCols));
      step(rank, *optimizer, sparse, t);
      for (const LocalIndex odd : {1, 0}) {
        halves.gradient().add(rank.part(every(odd, 2), rows_of(g, every(odd, 2)), kCols));
      }
      step(rank, *optimizer, halves, t);
    }

    BOOST_TEST(everything(rank, dense) == everything(rank, sparse), c.label);
    BOOST_TEST(everything(rank, dense) == everything(rank, halves), c.label);
  }
}

BOOST_AUTO_TEST_CASE(rows_that_are_not_named_have_a_zero_gradient) {
  for (const Case& c : cases()) {
    Rank rank;
    Table dense = rank.table(kRows, kCols), sparse = rank.table(kRows, kCols);
    const auto optimizer = make(c);
    for (Table* t : {&dense, &sparse}) t->allocate_state(optimizer->state(kCols));

    for (Index t = 1; t <= 3; ++t) {
      std::vector<Real> g = numbers(static_cast<std::uint64_t>(t), kRows * kCols);
      const std::vector<LocalIndex> touched = every(static_cast<LocalIndex>(t), 3);
      sparse.gradient().add(rank.part(touched, rows_of(g, touched), kCols));
      step(rank, *optimizer, sparse, t);
      for (Index i = 0; i < kRows; ++i) {
        if (i >= t && (i - t) % 3 == 0) continue;
        std::fill_n(g.begin() + i * kCols, kCols, Real(0));
      }
      dense_step(rank, *optimizer, dense, t, g);
    }

    BOOST_TEST(everything(rank, dense) == everything(rank, sparse), c.label);
  }
}

BOOST_AUTO_TEST_CASE(rows_that_are_not_named_stay_unless_the_optimizer_says_they_move) {
  for (const Case& c : cases()) {
    Rank rank;
    Table table = rank.table(kRows, kCols);
    const auto optimizer = make(c);
    table.allocate_state(optimizer->state(kCols));
    dense_step(rank, *optimizer, table, 1, numbers(1, kRows * kCols));
    const std::vector<Real> before = host(*rank.device, table.values());

    table.gradient().add(rank.part({3}, numbers(2, kCols), kCols));
    step(rank, *optimizer, table, 2);

    const std::vector<Real> after = host(*rank.device, table.values());
    for (Index i = 0; i < kRows; ++i) {
      const bool moved =
          before[static_cast<std::size_t>(i * kCols)] != after[static_cast<std::size_t>(i * kCols)];
      BOOST_TEST(moved == (i == 3 || optimizer->moves_untouched_rows()), c.label << ", row " << i);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_part_without_rows_is_a_gradient_of_zero) {
  for (const Case& c : cases()) {
    Rank rank;
    Table dense = rank.table(kRows, kCols), sparse = rank.table(kRows, kCols);
    const auto optimizer = make(c);
    for (Table* t : {&dense, &sparse}) t->allocate_state(optimizer->state(kCols));

    for (Index t = 1; t <= 2; ++t) {
      const std::vector<Real> g =
          t == 1 ? numbers(1, kRows * kCols) : std::vector<Real>(kRows * kCols);
      dense_step(rank, *optimizer, dense, t, g);
      sparse.gradient().add(t == 1 ? rank.part(every(0, 1), g, kCols) : rank.part({}, {}, kCols));
      step(rank, *optimizer, sparse, t);
    }

    BOOST_TEST(everything(rank, dense) == everything(rank, sparse), c.label);
  }
}

BOOST_AUTO_TEST_CASE(values_and_state_are_all_that_a_restart_needs) {
  for (const Case& c : cases()) {
    Rank rank;
    Table straight = rank.table(kRows, kCols), second = rank.table(kRows, kCols);
    const auto optimizer = make(c);
    for (Table* t : {&straight, &second}) t->allocate_state(optimizer->state(kCols));
    const auto gradient = [](Index t) {
      return numbers(static_cast<std::uint64_t>(t), kRows * kCols);
    };

    for (Index t = 1; t <= 3; ++t) dense_step(rank, *optimizer, straight, t, gradient(t));
    set(*rank.device, second.values(), host(*rank.device, straight.values()));
    for (std::size_t s = 0; s < straight.state_columns().size(); ++s) {
      set(*rank.device, second.state(s), host(*rank.device, straight.state(s)));
    }
    const auto restarted = make(c);
    for (Index t = 4; t <= 6; ++t) {
      dense_step(rank, *optimizer, straight, t, gradient(t));
      dense_step(rank, *restarted, second, t, gradient(t));
    }

    BOOST_TEST(everything(rank, straight) == everything(rank, second), c.label);
  }
}

BOOST_AUTO_TEST_CASE(a_table_without_a_gradient_is_left_alone_and_a_used_gradient_is_forgotten) {
  for (const Case& c : cases()) {
    Rank rank;
    Table table = rank.table(kRows, kCols);
    const auto optimizer = make(c);
    table.allocate_state(optimizer->state(kCols));
    dense_step(rank, *optimizer, table, 1, numbers(1, kRows * kCols));
    const std::vector<Real> before = everything(rank, table);

    BOOST_TEST(table.gradient().is_empty());
    step(rank, *optimizer, table, 2);

    BOOST_TEST(everything(rank, table) == before, c.label);
  }
}

BOOST_AUTO_TEST_CASE(an_option_nobody_takes_is_an_error_that_names_it) {
  for (const std::string& name : optimizer_names()) {
    const auto fails = [&](const Error& e) {
      const std::string text = e.what();
      return e.code() == Exit::usage && text.find("betta1") != std::string::npos &&
             text.find(name) != std::string::npos && e.hint().find("l2") != std::string::npos;
    };
    BOOST_CHECK_EXCEPTION(make_optimizer(name, Options({{"betta1", 0.9}})), Error, fails);
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_optimizer_is_an_error_that_lists_the_known_ones) {
  BOOST_CHECK_EXCEPTION(make_optimizer("adamm", Options({})), Error, [](const Error& e) {
    return e.code() == Exit::usage && std::string(e.what()).find("adamm") != std::string::npos &&
           e.hint().find("rowwise_adagrad") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(numbers_that_cannot_be_meant_are_refused) {
  const auto refuses = [](const std::string& name, const std::string& option, double value) {
    BOOST_CHECK_EXCEPTION(make_optimizer(name, Options({{option, value}})), Error,
                          [](const Error& e) { return e.code() == Exit::usage; });
  };
  refuses("sgd", "l2", std::nan(""));
  refuses("adam", "beta1", 1);
  refuses("adam", "beta2", -0.1);
  refuses("adam", "tf1", 2);
  refuses("adamw", "epsilon", 0);
  refuses("adagrad", "epsilon", 0);
  refuses("rowwise_adagrad", "initial", -1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test
