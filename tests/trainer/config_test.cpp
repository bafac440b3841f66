// Configurations: what is accepted, and what every refusal says.
#include <boost/test/unit_test.hpp>

#include <filesystem>

#include "kernels/check.h"

#include "trainer/config/config.h"

namespace chorale::test {
namespace {

const std::string kGood = R"(schema_version: 1
data { prepared: "somewhere" }
model { lightgcn { layers: 2 } }
optimizer { adam {} }
)";

v1::Config parse(const std::string& text, std::vector<std::string> sets = {}) {
  return parse_config(text, "a.pbtxt", sets);
}

std::string refusal(const std::string& text, std::vector<std::string> sets = {}) {
  try {
    parse(text, std::move(sets));
  } catch (const Error& e) {
    BOOST_TEST((e.code() == Exit::usage));
    return e.what();
  }
  return "accepted";
}

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(errors_of_the_text_name_file_line_and_column) {
  BOOST_TEST(refusal("schema_version: 1\nmodle {}\n").find("a.pbtxt:2:7: ") == 0);
  BOOST_TEST(refusal("schema_version: 1\ntrain { batch: \"x\" }\n").find("a.pbtxt:2:16: ") == 0);
  BOOST_TEST(refusal("schema_version: 1\ntrain { sampler: USERS }\n").find("a.pbtxt:2:") == 0);
  BOOST_TEST(refusal("schema_version: 1 schema_version: 1\n").find("a.pbtxt:1:") == 0);
  BOOST_TEST(refusal("{").find("a.pbtxt:1:1: ") == 0);
}

BOOST_AUTO_TEST_CASE(values_that_make_no_sense_name_the_field_and_what_was_found) {
  BOOST_TEST(refusal(kGood, {"train.batch=0"}) ==
             "a.pbtxt: train.batch: found 0, expected at least 1");
  BOOST_TEST(refusal(kGood, {"optimizer.rate=-1"}) ==
             "a.pbtxt: optimizer.rate: found -1, expected a number above 0");
  BOOST_TEST(refusal(kGood, {"optimizer.rate=nan"}) ==
             "a.pbtxt: optimizer.rate: found nan, expected a finite number");
  BOOST_TEST(refusal(kGood, {"optimizer.adam.beta1=1"}) ==
             "a.pbtxt: optimizer.adam.beta1: found 1, expected 0 <= x < 1");
  BOOST_TEST(refusal(kGood, {"schema_version=2"}) ==
             "a.pbtxt: schema_version: found 2, expected 1");
  BOOST_TEST(refusal(kGood, {"eval.k=20,0"}) == "a.pbtxt: eval.k: found 0, expected at least 1");
  BOOST_TEST(refusal("schema_version: 1").find("a.pbtxt: model: found no model") == 0);
}

BOOST_AUTO_TEST_CASE(the_watched_metric_must_be_one_that_is_computed) {
  BOOST_TEST(refusal(kGood, {"train.early_stop.metric=recal@20"}) ==
             "a.pbtxt: train.early_stop.metric: found \"recal@20\", expected NAME@K");
  BOOST_TEST(refusal(kGood, {"train.early_stop.metric=recall@30"}) ==
             "a.pbtxt: train.early_stop.metric: recall@30 is watched but eval.k does not hold 30");
  BOOST_TEST(refusal(kGood, {"train.early_stop.metric=ndcg_quirk@30", "eval.k=20,30"}) ==
             "accepted");
  BOOST_TEST(refusal(kGood, {"train.early_stop.metric=recall@20,ndcg@30"}) ==
             "a.pbtxt: train.early_stop.metric: ndcg@30 is watched but eval.k does not hold 30");
  BOOST_TEST(refusal(kGood, {"train.early_stop.metric=recall@20,recall@20"}) ==
             "a.pbtxt: train.early_stop.metric: recall@20 is listed twice");
}

BOOST_AUTO_TEST_CASE(recall_is_watched_unless_other_metrics_are_named) {
  const auto watched = [](const std::vector<std::string>& sets) {
    std::string text;
    for (const WatchedMetric& m : watched_metrics(parse(kGood, sets), "")) text += m.text() + " ";
    return text;
  };

  BOOST_TEST(watched({"eval.k=5,10"}) == "recall@5 ");
  BOOST_TEST(watched({"train.early_stop.patience=3"}) == "recall@20 ");
  BOOST_TEST(watched({"train.early_stop.metric=recall@20,ndcg@20"}) == "recall@20 ndcg@20 ");
}

BOOST_AUTO_TEST_CASE(kernels_are_checked_only_where_the_host_can_read_their_memory) {
  BOOST_TEST(refusal(kGood, {"run.checked=true"}) == "accepted");
  BOOST_TEST(refusal(kGood, {"device=CUDA"}) == "accepted");
  BOOST_TEST(refusal(kGood, {"device=CUDA", "run.checked=true"}) ==
             "a.pbtxt: run.checked: every argument is looked at by the host, which cannot read the "
             "memory of CUDA");
}

BOOST_AUTO_TEST_CASE(a_library_for_gpus_is_refused_without_one) {
  BOOST_TEST(refusal(kGood, {"device=CUDA", "run.sparse=CUSPARSE"}) == "accepted");
  BOOST_TEST(refusal(kGood, {"run.sparse=OWN"}) == "accepted");
  BOOST_TEST(refusal(kGood, {"run.sparse=CUSPARSE"}) ==
             "a.pbtxt: run.sparse: CUSPARSE, but no GPU computes");
}

BOOST_AUTO_TEST_CASE(numbers_of_the_contrastive_models_are_checked) {
  BOOST_TEST(refusal(kGood, {"model.sgl={rate: 1}"}) ==
             "a.pbtxt: model.sgl.rate: found 1, expected 0 <= x < 1");
  BOOST_TEST(refusal(kGood, {"model.simgcl={layers: 0}"}) ==
             "a.pbtxt: model.simgcl.layers: found 0, expected at least 1");
  BOOST_TEST(refusal(kGood, {"model.simgcl={temperature: 0}"}) ==
             "a.pbtxt: model.simgcl.temperature: found 0, expected at least 0.025");
  BOOST_TEST(refusal(kGood, {"model.xsimgcl={contrast_layer: 3}"}) ==
             "a.pbtxt: model.xsimgcl.contrast_layer: found 3, but there are 2 layers");
  BOOST_TEST(refusal(kGood, {"model.direct_au={gamma: -1}"}) ==
             "a.pbtxt: model.direct_au.gamma: found -1, expected at least 0");
  BOOST_TEST(refusal(kGood, {"model.direct_au={layers: 0}"}) == "accepted");
  BOOST_TEST(refusal(kGood, {"model.propagation=BF16"}) == "accepted");
  BOOST_TEST(refusal(kGood, {"model.ngcf={}", "model.propagation=BF16"}) ==
             "a.pbtxt: model.propagation: found BF16, but this model does not train by linear "
             "propagation");
}

BOOST_AUTO_TEST_CASE(the_loss_of_any_model_is_checked) {
  for (const std::string model :
       {"mf", "lightgcn", "ngcf", "mmhcl", "kgat", "sgl", "simgcl", "xsimgcl"}) {
    const std::string loss = "model." + model + ".loss", chosen = "model." + model + "={}";
    const auto of = [&](const std::string& kind) { return loss + "={" + kind + "}"; };
    BOOST_TEST(refusal(kGood, {chosen, of("info_nce {}")}) == "accepted");
    BOOST_TEST(refusal(kGood, {chosen, of("info_nce { temperature: 0.01 }")}) ==
               "a.pbtxt: " + loss + ".info_nce.temperature: found 0.01, expected at least 0.025");
    BOOST_TEST(refusal(kGood, {chosen, of("sampled_softmax {}")}) ==
               "a.pbtxt: train.shared_negatives: found 0, but sampled_softmax needs some");
    BOOST_TEST(refusal(kGood, {chosen, of("sampled_softmax {}"), "train.shared_negatives=5"}) ==
               "accepted");
  }
}

BOOST_AUTO_TEST_CASE(a_field_of_another_kind_does_not_replace_the_chosen_one) {
  BOOST_TEST(refusal(kGood, {"model.kgat.dim=3"}) ==
             "--set model.kgat.dim=3: found kgat, but the configuration has lightgcn");
  BOOST_TEST(refusal(kGood, {"optimizer.sgd.l2=1"}) ==
             "--set optimizer.sgd.l2=1: found sgd, but the configuration has adam");
  BOOST_TEST(refusal(kGood, {"model.kgat={dim: 3}"}) == "accepted");
}

BOOST_AUTO_TEST_CASE(the_optimizer_of_a_phase_is_named_by_its_place) {
  BOOST_TEST(refusal(kGood, {"model.kgat={transr { optimizer { rate: -1 adam {} } }}"}) ==
             "a.pbtxt: model.kgat.transr.optimizer.rate: found -1, expected a number above 0");
  BOOST_TEST(refusal(kGood, {"model.ngcf={slope: 5}"}) ==
             "a.pbtxt: model.ngcf.slope: found 5, expected 0 <= x <= 1");
}

BOOST_AUTO_TEST_CASE(assignments_change_one_field) {
  const v1::Config c = parse(kGood, {"train.epochs=5", "eval.k=20,50", "data.prepared=x y",
                                     "device=REFERENCE", "model.mf={dim: 8}", "run.checked=true"});

  BOOST_TEST(c.train().epochs() == 5);
  BOOST_TEST((metric_lengths(c) == std::vector<Index>{20, 50}));
  BOOST_TEST(c.data().prepared() == "x y");
  BOOST_TEST((c.device() == v1::Config::REFERENCE));
  BOOST_TEST(c.model().mf().dim() == 8);
  BOOST_TEST(!c.model().has_lightgcn());
  BOOST_TEST(c.run().checked());
}

BOOST_AUTO_TEST_CASE(assignments_that_fit_nothing_are_refused) {
  BOOST_TEST(refusal(kGood, {"train.epoch=5"}) ==
             "--set train.epoch=5: there is no field \"epoch\"");
  BOOST_TEST(refusal(kGood, {"train.epochs"}) == "--set train.epochs: found no \"=\"");
  BOOST_TEST(refusal(kGood, {"train.epochs=many"}) ==
             "--set train.epochs=many: found \"many\", expected an int32");
  BOOST_TEST(refusal(kGood, {"train.epochs.x=1"}) ==
             "--set train.epochs.x=1: \"epochs\" has no fields of its own");
  BOOST_TEST(refusal(kGood, {"train.sampler=user"}) ==
             "--set train.sampler=user: found \"user\", expected a name of USER, EPOCH, EDGE");
}

BOOST_AUTO_TEST_CASE(the_digest_changes_with_what_determines_numbers_and_with_nothing_else) {
  const std::string digest = config_digest(parse(kGood));

  for (const char* same :
       {"train.epochs=7", "run.threads=2", "eval.every_epochs=3", "data.prepared=elsewhere",
        // Defaults, written down.
        "train.seed=2024", "train.sampler=USER", "model.lightgcn.row_dropout=0",
        "schedule.warmup_steps=0"}) {
    BOOST_TEST(config_digest(parse(kGood, {same})) == digest);
  }
  for (const char* other :
       {"train.seed=7", "train.batch=2", "run.lanes=8", "optimizer.rate=0.5",
        "model.lightgcn.layers=4", "model.propagation=BF16", "schedule.warmup_steps=1"}) {
    BOOST_TEST(config_digest(parse(kGood, {other})) != digest);
  }
}

BOOST_AUTO_TEST_CASE(where_digests_differ_every_field_is_named_with_both_values) {
  const auto differences = [](const std::vector<std::string>& run,
                              const std::vector<std::string>& asked) {
    return fmt::format("{}",
                       fmt::join(config_differences(parse(kGood, run), parse(kGood, asked)), "; "));
  };

  BOOST_TEST(differences({}, {"train.epochs=7", "train.seed=2024", "device=CUDA"}) == "");
  BOOST_TEST(differences({}, {"optimizer.rate=0.0005"}) ==
             "optimizer.rate: 0.001 in the run, 0.0005 asked for");
  BOOST_TEST(differences({"run.lanes=8", "train.sampler=EDGE"}, {"train.batch=2"}) ==
             "train.batch: 2048 in the run, 2 asked for; "
             "train.sampler: EDGE in the run, USER asked for; "
             "run.lanes: 8 in the run, 64 asked for");
  BOOST_TEST(differences({}, {"model.mf={dim: 8}"}) == "model: lightgcn in the run, mf asked for");
  BOOST_TEST(differences({"schedule.linear={}"}, {}) ==
             "schedule: linear in the run, nothing asked for");
  BOOST_TEST(differences({"train.init_from={run: \"a\"}"}, {}) ==
             "train.init_from: { run: \"a\" } in the run, nothing asked for");
  BOOST_TEST(differences({"model.ngcf={widths: [8, 4]}"}, {"model.ngcf={widths: 8}"}) ==
             "model.ngcf.widths: [8, 4] in the run, [8] asked for");
}

BOOST_AUTO_TEST_CASE(every_shipped_configuration_is_valid) {
  int found = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(CHORALE_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".pbtxt") continue;
    const std::vector<std::string> sets = {"data.prepared=somewhere"};
    BOOST_CHECK_NO_THROW(load_config(entry.path(), sets));
    ++found;
  }
  BOOST_TEST(found >= 7);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test
