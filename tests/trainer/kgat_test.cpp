// KGAT: sizes, phases, attention, and beginning with the embeddings of another run.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <map>
#include <set>

#include "comm/self_communicator.h"
#include "graph/collaborative.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/trainer.h"

namespace chorale::test {
namespace {

struct Tiny {
  TemporaryFolder folder;
  std::filesystem::path data = make_tiny_dataset(folder.path());
  std::unique_ptr<Communicator> comm = make_self_communicator();

  v1::Config config(const std::vector<std::string>& assignments = {},
                    const std::string& model = "kgat") const {
    return tiny_config(CHORALE_SOURCE_DIR "/configs/tiny/" + model + ".pbtxt", data, assignments);
  }
};

std::vector<Real> values(const Experiment& e, const std::string& name) {
  for (const Table* table : e.tables()) {
    if (table->name() != name) continue;
    const View v = table->values();
    return {v.data, v.data + v.size()};
  }
  BOOST_FAIL("there is no table " << name);
  return {};
}

// Embeddings, vectors and matrices of relations, and the layers: weights and biases of both terms.
Index parameters(Index nodes, Index relations, Index d, Index k, const std::vector<Index>& widths) {
  const Index of_relations = 2 * (relations + 1) * (k + d * k);
  Index n = nodes * d + of_relations, from = d;
  for (const Index to : widths) {
    n += 2 * (from * to + to);
    from = to;
  }
  return n;
}

BOOST_FIXTURE_TEST_SUITE(kgat, Tiny)

// What the authors' code prints for Amazon-Book: 70,679 users, 113,487 entities and 39 relations.
// It counts 13,424 weights of GraphSage layers that its bi-interaction never uses.
BOOST_AUTO_TEST_CASE(it_has_as_many_parameters_as_the_published_code) {
  Experiment e(config({"model.kgat.attention=FROZEN_SI"}), *comm, 1);
  Index found = 0;
  for (const Table* table : e.tables()) found += table->rows() * table->cols();

  BOOST_TEST(found == parameters(e.dataset().nodes(), e.dataset().relations(), 12, 8, {10, 6}));
  BOOST_TEST(parameters(70'679 + 113'487, 39, 64, 64, {64, 32, 16}) + 13'424 == 12'146'384);
}

BOOST_AUTO_TEST_CASE(recommendation_leaves_relations_alone_and_transr_the_layers) {
  Experiment e(config(), *comm, 1);
  const auto relations = values(e, "kgat.relation_matrix"), layer = values(e, "kgat.w_gc.0");

  train_steps(e, 0, 5);  // of recommendation: 1,900 interactions in batches of 400
  BOOST_TEST((values(e, "kgat.relation_matrix") == relations));
  const auto moved = values(e, "kgat.w_gc.0"), ego = values(e, "kgat.ego");
  train_steps(e, 5, 6);

  BOOST_TEST((moved != layer));
  BOOST_TEST((values(e, "kgat.w_gc.0") == moved));
  BOOST_TEST((values(e, "kgat.relation_matrix") != relations));
  BOOST_TEST((values(e, "kgat.ego") != ego));
}

BOOST_AUTO_TEST_CASE(published_heads_change_the_samples_of_a_step_and_not_the_steps) {
  Experiment plain(config(), *comm, 1);
  Experiment published(config({"model.kgat.transr.published_heads=true"}), *comm, 1);
  const Dataset& d = plain.dataset();
  const Index interactions = d.interactions(Split::train);
  const Index edges = 2 * (interactions + d.triples());

  BOOST_TEST(plain.steps_per_epoch() == interactions / 400 + 1 + edges / 1024 + 1);
  BOOST_TEST(published.steps_per_epoch() == plain.steps_per_epoch());
  // The last step of the epoch is TransR's: 206 facts / 4 = 51 heads instead of 1,024.
  BOOST_TEST(d.triples() == 206);
  BOOST_TEST(interactions / 400 == 4);
  published.train(plain.steps_per_epoch() - 1);
  plain.train(plain.steps_per_epoch() - 1);
  BOOST_TEST((values(plain, "kgat.ego") != values(published, "kgat.ego")));
}

// Live attention: 1 / (edges of the relation) until an epoch has ended; then positive and, over the
// edges of a node, 1 in sum. A node has at most 200 edges: rounding stays below 200 eps.
BOOST_AUTO_TEST_CASE(live_attention_begins_with_shares_and_then_sums_to_one) {
  Experiment e(config(), *comm, 1);
  const auto edges = collaborative_edges(e.dataset(), e.nodes());
  const auto sums = [&] {
    const std::vector<Real> weights = values(e, "kgat.attention");
    BOOST_TEST_REQUIRE(weights.size() == edges.size());
    std::map<Index, double> of_node;
    for (std::size_t i = 0; i < edges.size(); ++i) {
      BOOST_TEST(weights[i] > 0);
      of_node[edges[i].head] += static_cast<double>(weights[i]);
    }
    return of_node;
  };
  std::map<Index, std::set<LocalIndex>> kinds;
  for (const KnowledgeEdge& edge : edges) kinds[edge.head].insert(edge.relation);

  train_steps(e, 0, e.steps_per_epoch() - 1);
  for (const auto& [node, sum] : sums())
    BOOST_TEST(std::abs(sum - static_cast<double>(kinds[node].size())) < 200 * 1.2e-7);
  e.train(e.steps_per_epoch() - 1);
  for (const auto& [node, sum] : sums()) BOOST_TEST(std::abs(sum - 1) < 200 * 1.2e-7);
}

BOOST_AUTO_TEST_CASE(frozen_attention_never_changes_the_graph) {
  Experiment e(config({"model.kgat.attention=FROZEN_SI"}), *comm, 1);
  const ConstView before = *e.model().edge_weights();
  const std::vector<Real> first(before.data, before.data + before.size());

  train_steps(e, 0, 2 * e.steps_per_epoch());

  const ConstView after = *e.model().edge_weights();
  BOOST_TEST(first == std::vector<Real>(after.data, after.data + after.size()),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(other_aggregators_train) {
  for (const char* aggregator : {"GCN", "GRAPHSAGE"}) {
    Experiment e(config({std::string("model.kgat.aggregator=") + aggregator}), *comm, 1);
    const double first = e.train(0);
    train_steps(e, 1, 10 * e.steps_per_epoch());
    BOOST_TEST(e.train(10 * e.steps_per_epoch()) < first);
  }
}

BOOST_AUTO_TEST_CASE(a_run_may_begin_with_the_embeddings_of_another) {
  const auto mf = config({"train.epochs=2"}, "mf");
  Experiment before(mf, *comm, 1);
  Trainer(mf, before, {.out = folder.path() / "mf"}).run();

  const auto with = config(
      {"train.init_from.run=" + (folder.path() / "mf").string(), "train.init_from.into=kgat.ego"});
  Experiment after(with, *comm, 1);
  const auto relations = values(after, "kgat.relation");
  Trainer(with, after, {.out = folder.path() / "kgat", .max_steps = 0}).run();

  BOOST_TEST((values(after, "kgat.ego") == values(before, "mf.ego")));
  BOOST_TEST((values(after, "kgat.relation") == relations));
  const auto wrong = config({"train.init_from.run=" + (folder.path() / "mf").string(),
                             "train.init_from.into=kgat.relation"});
  Experiment other(wrong, *comm, 1);
  BOOST_CHECK_EXCEPTION(Trainer(wrong, other, {.out = folder.path() / "wrong"}).run(), Error,
                        [](const Error& e) {
                          return std::string(e.what()).find("kgat.relation") != std::string::npos;
                        });
}

// A relation's matrix is one row of its table: 131,072 columns here.
BOOST_AUTO_TEST_CASE(wide_matrices_of_relations_are_saved) {
  const auto wide = config({"model.kgat.dim=512", "model.kgat.transr.dim=256"});
  Experiment e(wide, *comm, 1);
  Trainer(wide, e, {.out = folder.path() / "wide", .max_steps = 1}).run();

  BOOST_CHECK_NO_THROW(verify_checkpoint(resolve_checkpoint(folder.path() / "wide")));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
