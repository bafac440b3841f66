// What the tests of run.table_memory run on: a batch of 8 triples looks up 24 rows, three slabs are
// 72 places, and of 300 rows some 18 are hubs.
#pragma once

#include <string>
#include <vector>

#include "tests/support/tiny.h"

namespace chorale::test {

struct SampledModel {
  std::string name;
  std::vector<std::string> settings;
  Index numbers_of_row;  // of 12 columns, with optimizer state
};

inline std::vector<SampledModel> sampled_models() {
  const auto mf = [](const std::string& optimizer, const std::string& loss, Index numbers) {
    SampledModel m{"mf", {"optimizer={rate: 0.05 " + optimizer + " {}}", "train.batch=8"}, numbers};
    if (!loss.empty()) m.settings.push_back("model.mf.loss={" + loss + ": {}}");
    return m;
  };
  SampledModel shared = mf("sgd", "sampled_softmax", 12);
  shared.settings.insert(shared.settings.end(), {"train.shared_negatives=6", "train.batch=6"});
  return {mf("sgd", "", 12),
          mf("adagrad", "", 24),
          mf("rowwise_adagrad", "", 13),
          mf("adagrad", "info_nce", 24),
          shared,
          {"direct_au",
           {"model.direct_au={dim: 12 layers: 0 gamma: 0.5}", "optimizer={rate: 0.05 adagrad {}}",
            "train.batch=8"},
           24}};
}

// With so many of the rows in device memory; all of them if 0.
inline v1::Config sampled_config(const SampledModel& model, const std::filesystem::path& data,
                                 Index rows, std::vector<std::string> more = {}) {
  more.insert(more.end(), model.settings.begin(), model.settings.end());
  const auto bytes = static_cast<double>(rows * model.numbers_of_row) * sizeof(Real);
  more.push_back(fmt::format("run.table_memory={}", bytes / (1 << 20)));
  return tiny_config(source_folder() / "configs/tiny" / (model.name + ".pbtxt"), data, more);
}

inline bool has_host_tier(Experiment& e) { return e.tables().front()->tier() != nullptr; }

}  // namespace chorale::test
