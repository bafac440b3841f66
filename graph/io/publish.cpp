#include "graph/io/publish.h"

#include <utility>

#include "graph/io/file.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

void count(const DatasetContents& contents, Manifest& m) {
  m.users = contents.users();
  m.items = contents.items();
  m.entities = contents.entities();
  if (contents.knowledge) {
    m.relations = static_cast<Index>(contents.knowledge->relation_names.size());
    m.triples = static_cast<Index>(contents.knowledge->facts.size());
  }
  for (const FeatureMatrix& f : contents.features) m.features.push_back({f.name, f.side, f.cols});
  const Splits& s = contents.splits;
  m.interactions = {s.train.size(), s.validation.size(), s.test.size()};
}

}  // namespace

fs::path resolved_out(const fs::path& given) {
  fs::path out = fs::weakly_canonical(fs::absolute(given));
  if (!out.has_filename()) out = out.parent_path();
  return out;
}

PrepareReport publish(Staging& staging, const DatasetContents& contents, Manifest told,
                      int threads) {
  staging.create();
  count(contents, told);
  told.digest = write_dataset_files(staging.folder(), contents, told.lanes, threads);
  write_file(staging.folder() / kManifestName, to_text(told));
  staging.publish();
  return {.users = told.users,
          .items = told.items,
          .entities = told.entities,
          .relations = told.relations,
          .triples = told.triples,
          .train = told.interactions[0],
          .validation = told.interactions[1],
          .test = told.interactions[2],
          .lines = std::move(told.report)};
}

}  // namespace chorale
