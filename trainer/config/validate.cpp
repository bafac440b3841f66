// What parses but makes no sense.
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cmath>

#include "kernels/check.h"
#include "trainer/config/config.h"

namespace chorale {
namespace {

namespace pb = google::protobuf;

class Checker {
 public:
  explicit Checker(const std::string& origin) : origin_(origin) {}

  template <class T>
  void at_least(const char* field, T found, T least) const {
    require_user(found >= least, Exit::usage, kHint, "{}: {}: found {}, expected at least {}",
                 origin_, field, found, least);
  }
  void positive(const char* field, double found) const {
    require_user(found > 0, Exit::usage, kHint, "{}: {}: found {}, expected a number above 0",
                 origin_, field, found);
  }
  void share(const char* field, double found) const {
    require_user(found >= 0 && found < 1, Exit::usage, kHint,
                 "{}: {}: found {}, expected 0 <= x < 1", origin_, field, found);
  }
  void holds(bool ok, const char* field, const std::string& message,
             const std::string& hint = kHint) const {
    require_user(ok, Exit::usage, hint, "{}: {}: {}", origin_, field, message);
  }
  // Protobuf's text form accepts nan and inf; no number of a configuration may be either.
  void finite(const pb::Message& message, const std::string& path) const {
    std::vector<const pb::FieldDescriptor*> fields;
    const pb::Reflection* r = message.GetReflection();
    r->ListFields(message, &fields);
    for (const pb::FieldDescriptor* f : fields) {
      const std::string name = path.empty() ? f->name() : path + "." + f->name();
      if (f->is_repeated()) continue;
      if (f->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE)
        finite(r->GetMessage(message, f), name);
      if (f->cpp_type() == pb::FieldDescriptor::CPPTYPE_DOUBLE) {
        const double x = r->GetDouble(message, f);
        require_user(std::isfinite(x), Exit::usage, kHint,
                     "{}: {}: found {}, expected a finite number", origin_, name, x);
      }
    }
  }

 private:
  static constexpr const char* kHint = "fields and their ranges: docs/configuration.md";
  const std::string& origin_;
};

// e^(1 / temperature) must stay far inside the range of float, squared too.
constexpr double kLeastTemperature = 0.025;

// The field `loss` of whichever model was chosen, if it has one.
void validate_loss(const v1::Config& config, const Checker& check) {
  const v1::Model& model = config.model();
  const pb::FieldDescriptor* kind = model.GetReflection()->GetOneofFieldDescriptor(
      model, model.GetDescriptor()->FindOneofByName("kind"));
  const pb::FieldDescriptor* field = kind->message_type()->FindFieldByName("loss");
  if (field == nullptr) return;
  const pb::Message& chosen = model.GetReflection()->GetMessage(model, kind);
  const auto& loss =
      static_cast<const v1::Loss&>(chosen.GetReflection()->GetMessage(chosen, field));
  const std::string path = "model." + kind->name() + ".loss";
  const auto temperature = [&](const char* name, double found) {
    check.at_least((path + name).c_str(), found, kLeastTemperature);
  };
  temperature(".sampled_softmax.temperature", loss.sampled_softmax().temperature());
  temperature(".full_softmax.temperature", loss.full_softmax().temperature());
  temperature(".info_nce.temperature", loss.info_nce().temperature());
  check.holds(!loss.has_sampled_softmax() || config.train().shared_negatives() > 0,
              "train.shared_negatives", "found 0, but sampled_softmax needs some",
              "for example train { shared_negatives: 2048 }");
}

// `path`: where it stands, for example "optimizer".
void validate_optimizer(const v1::Optimizer& o, const std::string& path, const Checker& check) {
  check.holds(o.kind_case() != v1::Optimizer::KIND_NOT_SET, path.c_str(), "found no optimizer",
              "write one, for example optimizer { rate: 1e-3 adam {} }");
  check.positive((path + ".rate").c_str(), o.rate());
  const auto moments = [&](const char* kind, const auto& options) {
    check.share((path + kind + ".beta1").c_str(), options.beta1());
    check.share((path + kind + ".beta2").c_str(), options.beta2());
    check.positive((path + kind + ".epsilon").c_str(), options.epsilon());
  };
  if (o.has_adam()) moments(".adam", o.adam());
  if (o.has_adamw()) moments(".adamw", o.adamw());
}

// What the models on LightGCN's propagation have in common. `least_layers` is 1 where layer 0 alone
// is no result or no contrast.
template <class M>
void validate_layers(const std::string& path, const M& m, int least_layers, const Checker& check) {
  check.at_least((path + ".dim").c_str(), m.dim(), 1);
  check.at_least((path + ".layers").c_str(), m.layers(), least_layers);
  check.holds(m.layers() <= 15, (path + ".layers").c_str(), "found more than 15 layers");
}

// What the models of dense layers have in common.
template <class M>
void validate_widths(const std::string& path, const M& m, const Checker& check) {
  check.at_least((path + ".dim").c_str(), m.dim(), 1);
  check.holds(m.widths_size() <= 15, (path + ".widths").c_str(), "found more than 15 layers");
  for (const int w : m.widths()) check.at_least((path + ".widths").c_str(), w, 1);
  check.share((path + ".message_dropout").c_str(), m.message_dropout());
  check.holds(m.slope() >= 0 && m.slope() <= 1, (path + ".slope").c_str(),
              fmt::format("found {}, expected 0 <= x <= 1", m.slope()));
  check.at_least((path + ".l2").c_str(), m.l2(), 0.0);
}

void validate_model(const v1::Model& model, const Checker& check) {
  check.holds(model.kind_case() != v1::Model::KIND_NOT_SET, "model", "found no model",
              "write one, for example model { lightgcn { layers: 3 } }");
  if (model.has_mf()) {
    check.at_least("model.mf.dim", model.mf().dim(), 1);
    check.at_least("model.mf.l2", model.mf().l2(), 0.0);
  }
  if (model.has_lightgcn()) {
    validate_layers("model.lightgcn", model.lightgcn(), 0, check);
    check.at_least("model.lightgcn.l2", model.lightgcn().l2(), 0.0);
    check.share("model.lightgcn.row_dropout", model.lightgcn().row_dropout());
    check.at_least("model.lightgcn.item_norm_exponent", model.lightgcn().item_norm_exponent(), 0.0);
  }
  if (model.has_mmhcl()) {
    const v1::Mmhcl& m = model.mmhcl();
    validate_layers("model.mmhcl", m, 0, check);
    check.at_least("model.mmhcl.user_layers", m.user_layers(), 1);
    check.at_least("model.mmhcl.item_layers", m.item_layers(), 1);
    check.at_least("model.mmhcl.neighbours", m.neighbours(), 1);
    check.at_least("model.mmhcl.temperature", m.temperature(), kLeastTemperature);
    check.at_least("model.mmhcl.user_weight", m.user_weight(), 0.0);
    check.at_least("model.mmhcl.item_weight", m.item_weight(), 0.0);
    check.at_least("model.mmhcl.l2", m.l2(), 0.0);
  }
  if (model.has_kgat()) {
    const v1::Kgat& m = model.kgat();
    validate_widths("model.kgat", m, check);
    check.at_least("model.kgat.transr.dim", m.transr().dim(), 1);
    check.holds(Index{m.dim()} * m.transr().dim() <= Index{1} << 22, "model.kgat.transr.dim",
                "found matrices of more than 2048 x 2048");
    check.at_least("model.kgat.transr.batch", m.transr().batch(), 1);
    check.at_least("model.kgat.transr.l2", m.transr().l2(), 0.0);
    if (m.transr().has_optimizer())
      validate_optimizer(m.transr().optimizer(), "model.kgat.transr.optimizer", check);
  }
  if (model.has_ngcf()) validate_widths("model.ngcf", model.ngcf(), check);
  const bool propagates = model.has_lightgcn() || model.has_sgl() || model.has_simgcl() ||
                          model.has_direct_au() || model.has_mmhcl();
  check.holds(propagates || model.propagation() == v1::Model::FP32, "model.propagation",
              "found BF16, but this model does not train by linear propagation",
              "leave it out, or use lightgcn, sgl, simgcl, direct_au or mmhcl");
}

template <class M>
void validate_contrast(const std::string& path, const M& m, const Checker& check) {
  check.at_least((path + ".l2").c_str(), m.l2(), 0.0);
  check.at_least((path + ".temperature").c_str(), m.temperature(), kLeastTemperature);
  check.at_least((path + ".weight").c_str(), m.weight(), 0.0);
}

void validate_contrastive(const v1::Model& model, const Checker& check) {
  if (model.has_sgl()) {
    validate_layers("model.sgl", model.sgl(), 1, check);
    validate_contrast("model.sgl", model.sgl(), check);
    check.share("model.sgl.rate", model.sgl().rate());
  }
  if (model.has_simgcl()) {
    validate_layers("model.simgcl", model.simgcl(), 1, check);
    validate_contrast("model.simgcl", model.simgcl(), check);
    check.at_least("model.simgcl.eps", model.simgcl().eps(), 0.0);
  }
  if (model.has_xsimgcl()) {
    const v1::XSimGcl& m = model.xsimgcl();
    validate_layers("model.xsimgcl", m, 1, check);
    validate_contrast("model.xsimgcl", m, check);
    check.at_least("model.xsimgcl.eps", m.eps(), 0.0);
    check.at_least("model.xsimgcl.contrast_layer", m.contrast_layer(), 0);
    check.holds(m.contrast_layer() <= m.layers(), "model.xsimgcl.contrast_layer",
                fmt::format("found {}, but there are {} layers", m.contrast_layer(), m.layers()),
                "0 is the embeddings, 1 the first layer");
  }
  if (model.has_direct_au()) {
    validate_layers("model.direct_au", model.direct_au(), 0, check);
    check.at_least("model.direct_au.gamma", model.direct_au().gamma(), 0.0);
  }
}

// Rows in host memory come to the device when a batch looks them up: nothing else may read or move
// them.
void validate_table_memory(const v1::Config& config, const Checker& check) {
  const double found = config.run().table_memory();
  check.at_least("run.table_memory", found, 0.0);
  if (found == 0) return;
  const v1::Model& model = config.model();
  check.holds(
      (model.has_mf() && !model.mf().loss().has_full_softmax()) ||
          (model.has_direct_au() && model.direct_au().layers() == 0),
      "run.table_memory",
      fmt::format("found {}, but this model and loss read all rows of a table in each step", found),
      "0 keeps tables on the device; mf (not with full_softmax) and direct_au { layers: 0 } "
      "look up the rows of a batch alone");
  check.holds(
      !make_optimizer(config.optimizer())->moves_untouched_rows(), "run.table_memory",
      fmt::format("found {}, but this optimizer moves all rows of a table in each step", found),
      "0 keeps tables on the device; sgd, adagrad and rowwise_adagrad without l2 move the "
      "rows of a batch alone");
}

void validate_schedule(const v1::Schedule& s, const Checker& check) {
  check.positive("schedule.exponential.factor", s.exponential().factor());
  check.positive("schedule.exponential.every_epochs", s.exponential().every_epochs());
  check.positive("schedule.step.factor", s.step().factor());
  check.positive("schedule.step.every_epochs", s.step().every_epochs());
  check.at_least("schedule.linear.final_ratio", s.linear().final_ratio(), 0.0);
  check.at_least("schedule.cosine.final_ratio", s.cosine().final_ratio(), 0.0);
}

void validate_watched(const std::vector<WatchedMetric>& watched, const std::vector<Index>& ks,
                      const Checker& check) {
  for (const WatchedMetric& w : watched) {
    check.holds(std::ranges::count(ks, w.k) > 0, "train.early_stop.metric",
                fmt::format("{} is watched but eval.k does not hold {}", w.text(), w.k));
    check.holds(std::ranges::count(watched, w) == 1, "train.early_stop.metric",
                fmt::format("{} is listed twice", w.text()));
  }
}

}  // namespace

void validate(const v1::Config& config, const std::string& origin) {
  const Checker check(origin);
  check.holds(config.schema_version() == 1, "schema_version",
              fmt::format("found {}, expected 1", config.schema_version()),
              "write schema_version: 1");
  check.finite(config, "");
  validate_model(config.model(), check);
  validate_optimizer(config.optimizer(), "optimizer", check);
  check.holds(!config.data().prepared().empty(), "data.prepared",
              "found nothing, expected a prepared folder",
              "prepare one with `chorale prepare`, then --set data.prepared=DIR");
  check.at_least("train.epochs", config.train().epochs(), 0);
  check.at_least("train.batch", config.train().batch(), 1);
  check.at_least("train.shared_negatives", config.train().shared_negatives(), 0);
  validate_loss(config, check);
  validate_contrastive(config.model(), check);
  check.holds(!config.train().has_init_from() || !config.train().init_from().run().empty(),
              "train.init_from.run", "found nothing, expected the folder of a run");
  check.at_least("train.early_stop.patience", config.train().early_stop().patience(), 1);
  const std::vector<Index> ks = metric_lengths(config);
  for (const Index k : ks) {
    check.at_least("eval.k", k, Index{1});
    check.holds(std::ranges::count(ks, k) == 1, "eval.k", fmt::format("{} is listed twice", k));
  }
  if (config.train().has_early_stop()) {
    validate_watched(watched_metrics(config, origin), ks, check);
    check.at_least("eval.every_epochs", config.eval().every_epochs(), 1);
  }
  check.at_least("eval.every_epochs", config.eval().every_epochs(), 0);
  check.at_least("eval.users_per_block", config.eval().users_per_block(), 1);
  check.at_least("checkpoint.every_epochs", config.checkpoint().every_epochs(), 0);
  check.at_least("checkpoint.every_steps", static_cast<Index>(config.checkpoint().every_steps()),
                 Index{0});
  check.at_least("checkpoint.keep", config.checkpoint().keep(), 1);
  check.at_least("run.lanes", config.run().lanes(), 0);
  check.at_least("run.threads", config.run().threads(), 0);
  check.at_least("run.patience", config.run().patience(), 0);
  check.holds(!config.run().checked() || config.device() != v1::Config::CUDA, "run.checked",
              "every argument is looked at by the host, which cannot read the memory of CUDA",
              "device: CPU checks the same program");
  check.holds(config.run().sparse() == v1::Run::OWN || config.device() == v1::Config::CUDA,
              "run.sparse", "CUSPARSE, but no GPU computes", "use it with device: CUDA");
  check.holds(config.run().contrast() == v1::Run::PAIRS || config.device() == v1::Config::CUDA,
              "run.contrast", "BF16, but no GPU computes", "use it with device: CUDA");
  validate_table_memory(config, check);
  validate_schedule(config.schedule(), check);
  check.at_least("schedule.warmup_steps", static_cast<Index>(config.schedule().warmup_steps()),
                 Index{0});
}

std::string WatchedMetric::text() const { return fmt::format("{}@{}", name(metric), k); }

namespace {

WatchedMetric parse_metric(const std::string& text, const std::string& field) {
  std::vector<std::string> names;
  const std::size_t at = text.find('@');
  for (int m = 0; m < kMetrics; ++m) {
    const auto metric = static_cast<Metric>(m);
    names.emplace_back(name(metric));
    if (text.substr(0, at) != name(metric) || at == std::string::npos) continue;
    const std::string digits = text.substr(at + 1);
    if (!digits.empty() && digits.size() < 7 &&
        digits.find_first_not_of("0123456789") == std::string::npos) {
      return {metric, std::stoll(digits)};
    }
  }
  throw Error(Exit::usage, fmt::format("{}: found \"{}\", expected NAME@K", field, text),
              fmt::format("names: {}", fmt::join(names, ", ")));
}

}  // namespace

std::vector<WatchedMetric> watched_metrics(const v1::Config& config, const std::string& origin) {
  if (!config.train().has_early_stop()) return {{Metric::recall, metric_lengths(config).front()}};
  std::vector<WatchedMetric> metrics;
  for (const std::string& text : config.train().early_stop().metric()) {
    metrics.push_back(parse_metric(text, origin + ": train.early_stop.metric"));
  }
  if (metrics.empty()) metrics.push_back({Metric::recall, 20});
  return metrics;
}

}  // namespace chorale
