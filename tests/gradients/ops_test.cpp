// Every op of trainer/autodiff/ops.h and every loss: its adjoint against central differences in
// double, on one and on three ranks. To add an op, add a row to `cases`.
#include "tests/gradients/ops_fixture.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

#include "comm/thread_communicator.h"
#include "comm/typed.h"

namespace chorale::test {
namespace {

struct Case {
  const char* name;
  std::function<Var(Fixture&)> loss;
};

// InfoNCE over all rows and both views, as in MMHCL.
Var contrast(Fixture& f) {
  const Var a = normalize_rows(f.leaf(f.x)), b = normalize_rows(f.leaf(f.y));
  const Var others = exp_self_sums(a, 2.0, 0.0) + exp_sums(a, b, 2.0, 0.0);
  return 0.3 * sum(log(others) + -2.0 * row_dots(a, b));
}

const std::vector<Case> cases = {
    {"add", [](Fixture& f) { return f.measure(f.leaf(f.x) + f.leaf(f.y)); }},
    {"add a value to itself", [](Fixture& f) { return f.measure(f.leaf(f.x) + f.leaf(f.x)); }},
    {"add scalars",
     [](Fixture& f) { return half_squares(f.leaf(f.x)) + half_squares(f.leaf(f.y)); }},
    {"scale", [](Fixture& f) { return 0.7 * f.measure(-1.3 * f.leaf(f.x)); }},
    {"multiply", [](Fixture& f) { return f.measure(multiply(f.leaf(f.x), f.leaf(f.y))); }},
    {"concat",
     [](Fixture& f) {
       const Var parts[] = {f.leaf(f.x), multiply(f.leaf(f.x), f.leaf(f.y)), f.leaf(f.y)};
       return half_squares(concat(parts));
     }},
    {"matmul", [](Fixture& f) { return f.measure(matmul(f.leaf(f.x), f.leaf(f.w))); }},
    {"add_bias", [](Fixture& f) { return f.measure(add_bias(f.leaf(f.x), f.leaf(f.b))); }},
    {"leaky_relu", [](Fixture& f) { return f.measure(leaky_relu(f.leaf(f.x), 0.2)); }},
    {"dropout", [](Fixture& f) { return f.measure(dropout(f.leaf(f.x), 0.4, f.names.span())); }},
    {"gather from a table", [](Fixture& f) { return f.measure(gather(f.leaf(f.x), f.ids)); }},
    {"gather from a value",
     [](Fixture& f) { return f.measure(gather(multiply(f.leaf(f.x), f.leaf(f.y)), f.ids)); }},
    {"gather twice",
     [](Fixture& f) {
       return f.measure(gather(f.leaf(f.x), f.ids) + gather(f.leaf(f.x), f.other_ids));
     }},
    {"gather and use whole",
     [](Fixture& f) {
       return f.measure(gather(f.leaf(f.x), f.ids)) + f.measure(multiply(f.leaf(f.x), f.leaf(f.y)));
     }},
    {"select and spread",
     [](Fixture& f) {
       return f.measure(spread(select(multiply(f.leaf(f.x), f.leaf(f.y)), f.subset), f.subset));
     }},
    {"softmax_loss",
     [](Fixture& f) {
       return softmax_loss(gather(f.leaf(f.x), f.ids), gather(f.leaf(f.y), f.other_ids),
                           f.other_ids, f.leaf(f.y), f.numbers, 0.4);
     }},
    {"info_nce",
     [](Fixture& f) {
       return info_nce(gather(f.leaf(f.x), f.ids), gather(f.leaf(f.y), f.ids), f.ids, 0.4);
     }},
    {"alignment",
     [](Fixture& f) {
       return alignment(normalize_rows(f.leaf(f.x)), normalize_rows(f.leaf(f.y)));
     }},
    {"uniformity",
     [](Fixture& f) {
       return uniformity(normalize_rows(gather(f.leaf(f.x), f.ids))) + half_squares(f.leaf(f.y));
     }},
    {"synergistic_contrast",
     [](Fixture& f) { return synergistic_contrast(f.leaf(f.x), f.leaf(f.y), 0.5); }},
    {"normalize_rows", [](Fixture& f) { return f.measure(normalize_rows(f.leaf(f.x))); }},
    {"spmm", [](Fixture& f) { return f.measure(spmm(f.a, multiply(f.leaf(f.x), f.leaf(f.y)))); }},
    {"choose",
     [](Fixture& f) {
       const Var z = multiply(f.leaf(f.x), f.leaf(f.y));
       return f.measure_few(choose(z, f.few())) + f.measure(z);
     }},
    {"spmm at few rows",
     [](Fixture& f) {
       const Var z = multiply(f.leaf(f.x), f.leaf(f.y));
       return f.measure_few(spmm(f.a, z, f.few()));
     }},
    {"spmm at few rows, and choose",
     [](Fixture& f) {
       const Var z = multiply(f.leaf(f.x), f.leaf(f.y));
       return f.measure_few(multiply(spmm(f.a, z, f.few()), choose(z, f.few())));
     }},
    {"ops on chosen rows",
     [](Fixture& f) {
       const Var x = choose(f.leaf(f.x), f.few()), y = choose(f.leaf(f.y), f.few());
       const Var dense = add_bias(matmul(x, f.leaf(f.w)), f.leaf(f.b));
       const Var dropped = dropout(leaky_relu(dense, 0.2), 0.4, f.names.span());
       const Var parts[] = {normalize_rows(y) + -0.5 * x, dropped};
       return half_squares(gather(concat(parts), f.few_ids));
     }},
    {"bi_interaction",
     [](Fixture& f) {
       return f.measure(
           bi_interaction(f.leaf(f.x), f.leaf(f.y), f.layer(true, 0.4), f.names.span()));
     }},
    {"bi_interaction without the self term, of values used elsewhere",
     [](Fixture& f) {
       const Var e = multiply(f.leaf(f.x), f.leaf(f.y)), n = spmm(f.a, e);
       const Var y = bi_interaction(e, n, f.layer(false, 0), f.names.span());
       return f.measure(multiply(y, e)) + half_squares(n);
     }},
    {"bi_interaction of chosen rows",
     [](Fixture& f) {
       const Var e = multiply(f.leaf(f.x), f.leaf(f.y));
       const Var own = choose(e, f.few()), n = spmm(f.a, e, f.few());
       return f.measure_few(bi_interaction(own, n, f.layer(true, 0.4), f.names.span()));
     }},
    {"propagate one layer",
     [](Fixture& f) {
       return f.measure(propagate(f.a, f.leaf(f.x), std::vector<double>{0.0, 1.0}));
     }},
    {"propagate",
     [](Fixture& f) {
       return f.measure(propagate(f.a, f.leaf(f.x), std::vector<double>{0.4, 0.0, 0.3, -0.2}));
     }},
    {"propagate nothing",
     [](Fixture& f) { return f.measure(propagate(f.a, f.leaf(f.x), std::vector<double>{0.5})); }},
    {"expand, of an expansion",
     [](Fixture& f) { return f.measure(expand(f.expanded, multiply(f.leaf(f.x), f.leaf(f.y)))); }},
    {"expand, of factors",
     [](Fixture& f) { return f.measure(expand(f.factored, multiply(f.leaf(f.x), f.leaf(f.y)))); }},
    {"bpr_loss",
     [](Fixture& f) {
       return bpr_loss(gather(f.leaf(f.x), f.ids), gather(f.leaf(f.y), f.ids),
                       gather(f.leaf(f.y), f.other_ids));
     }},
    {"transr_loss", [](Fixture& f) { return f.transr(0); }},
    {"transr_loss, regularised", [](Fixture& f) { return f.transr(0.3); }},
    {"half_squares", [](Fixture& f) { return half_squares(f.leaf(f.x)); }},
    {"log and exp", [](Fixture& f) { return f.measure(log(exp(f.leaf(f.x)) + exp(f.leaf(f.y)))); }},
    {"row_dots", [](Fixture& f) { return half_squares(row_dots(f.leaf(f.x), f.leaf(f.y))); }},
    {"row_dots with itself",
     [](Fixture& f) { return sum(0.5 * row_dots(f.leaf(f.x), f.leaf(f.x))); }},
    {"drop_rows",
     [](Fixture& f) { return f.measure(drop_rows(f.leaf(f.x), 0.4, f.names.span())); }},
    {"add_noise",
     [](Fixture& f) { return f.measure(add_noise(f.leaf(f.x), 0.3, f.names.span())); }},
    {"sum", [](Fixture& f) { return sum(multiply(f.leaf(f.x), f.leaf(f.y))); }},
    {"log_of",
     [](Fixture& f) { return log_of(sum(exp(f.leaf(f.x)))) + half_squares(f.leaf(f.y)); }},
    {"exp_sums",
     [](Fixture& f) { return half_squares(0.1 * exp_sums(f.leaf(f.x), f.leaf(f.y), -0.3, 0.2)); }},
    {"exp_sums over other rows",
     [](Fixture& f) {
       return half_squares(log(exp_sums(gather(f.leaf(f.x), f.ids), f.leaf(f.y), 0.4, 1.0)));
     }},
    {"exp_sums by name",
     [](Fixture& f) {
       const Var rows = gather(f.leaf(f.x), f.ids);
       return half_squares(log(exp_sums(rows, f.ids.rows, f.leaf(f.y), f.numbers, 0.4, 1.0)) +
                           log(exp_sums(rows, f.ids.rows, rows, f.other_ids.rows, 0.4, 0.5)));
     }},
    {"exp_sums of a value with itself",
     [](Fixture& f) { return half_squares(0.1 * exp_sums(f.leaf(f.x), f.leaf(f.x), 0.2, 0.5)); }},
    {"exp_self_sums",
     [](Fixture& f) { return half_squares(log(exp_self_sums(f.leaf(f.x), 0.3, 0.1))); }},
    {"log_exp_sums",
     [](Fixture& f) { return half_squares(log_exp_sums(f.leaf(f.x), f.leaf(f.y), 2.0)); }},
    {"log_exp_sums of large products",
     [](Fixture& f) {
       const Var rows = gather(f.leaf(f.x), f.ids);
       return sum(0.01 * log_exp_sums(100.0 * rows, f.ids.rows, f.leaf(f.y), f.numbers, 3.0));
     }},
    {"all-node contrast", contrast},
};

double evaluate(Fixture& f, const Case& c, bool backward) {
  f.tape.reset(3, true);
  const Var loss = c.loss(f);
  const double value = f.tape.total(loss);
  if (backward) f.tape.backward(loss);
  return value;
}

std::vector<Real> whole_gradient(Fixture& f, Table& t) {
  if (t.gradient().is_empty())
    return std::vector<Real>(static_cast<std::size_t>(t.rows() * t.cols()), 0);
  const ConstView g =
      t.gradient().reduce_dense(f.tape.arena(), f.comm, f.lanes, t.local_rows(), t.cols());
  const std::span<const Real> mine(g.data, static_cast<std::size_t>(g.size()));
  if (t.layout() == Layout::replicated) return {mine.begin(), mine.end()};
  return gather_all<Real>(f.comm, mine);
}

// |f'''| stays below 1e3 for these losses of O(100): truncation 2e-8, rounding 1e-14 * 1e2 / 1e-5 =
// 1e-7.
constexpr double kStep = 1e-5, kTolerance = 5e-7;

void check(const Case& c, int ranks) {
  run_thread_ranks(ranks, [&](Communicator& comm) {
    Fixture f(comm);
    evaluate(f, c, true);
    std::vector<std::vector<Real>> gradients;
    for (Table* t : f.tables()) gradients.push_back(whole_gradient(f, *t));
    double largest = 0;
    for (std::size_t t = 0; t < gradients.size(); ++t) {
      Table& table = *f.tables()[t];
      for (Index at = 0; at < table.rows() * table.cols(); at += 3) {
        const Index row = at / table.cols(), column = at % table.cols();
        const bool here = table.layout() == Layout::replicated || table.partition().owns(row);
        const Index local =
            table.layout() == Layout::replicated ? row : row - table.partition().first();
        if (here) table.values()(local, column) += kStep;
        const double above = evaluate(f, c, false);
        if (here) table.values()(local, column) -= 2 * kStep;
        const double below = evaluate(f, c, false);
        if (here) table.values()(local, column) += kStep;
        const double expected = (above - below) / (2 * kStep);
        largest = std::max(largest, std::abs(expected));
        if (comm.rank() != 0) continue;
        BOOST_TEST_INFO(c.name << ": " << table.name() << " element " << at << " on " << ranks
                               << " ranks");
        BOOST_TEST(std::abs(gradients[t][static_cast<std::size_t>(at)] - expected) <= kTolerance);
      }
    }
    if (comm.rank() == 0) BOOST_TEST(largest > 1e-2);
  });
}

BOOST_AUTO_TEST_SUITE(ops)

BOOST_AUTO_TEST_CASE(adjoints_are_central_differences_on_one_and_on_three_ranks) {
  for (const Case& c : cases) {
    check(c, 1);
    check(c, 3);
  }
}

BOOST_AUTO_TEST_CASE(a_value_nothing_learnable_stands_behind_gets_no_gradient) {
  run_thread_ranks(1, [](Communicator& comm) {
    Fixture f(comm);
    f.tape.reset(0, true);
    const Var constant = f.tape.output_rows(f.nodes, kDim);
    f.tape.kernels().fill(2, constant.out());

    const Var sum = leaky_relu(constant, 0.1);

    BOOST_TEST(!sum.wants_grad());
    BOOST_TEST((sum + f.leaf(f.x)).wants_grad());
  });
}

BOOST_AUTO_TEST_CASE(shapes_and_layouts_that_do_not_fit_are_refused_with_both_shapes) {
  run_thread_ranks(1, [](Communicator& comm) {
    Fixture f(comm);
    f.tape.reset(0, true);
    const Var x = f.leaf(f.x), w = f.leaf(f.w);

    BOOST_CHECK_THROW(x + gather(x, f.ids), Error);
    BOOST_CHECK_THROW(matmul(w, x), Error);
    BOOST_CHECK_THROW(add_bias(x, w), Error);
    BOOST_CHECK_THROW(multiply(x, half_squares(x)), Error);
    BOOST_CHECK_THROW(spmm(f.a, gather(x, f.ids)), Error);
    BOOST_CHECK_THROW(f.tape.total(x), Error);
    BOOST_CHECK_THROW(expand(f.factored, gather(x, f.ids)), Error);
    ++f.group_begin[1];  // no longer at the end of a lane
    BOOST_CHECK_THROW(f.transr(0), Error);
  });
}

BOOST_AUTO_TEST_CASE(a_value_for_scoring_only_refuses_a_gradient) {
  run_thread_ranks(1, [](Communicator& comm) {
    Fixture f(comm);
    f.tape.reset(0, true);

    const Var loss = half_squares(scale_rows_by_norm(f.leaf(f.x), 0.5));

    BOOST_CHECK_THROW(f.tape.backward(loss), Error);
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
