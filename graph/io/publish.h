// The last step to a prepared folder (graph/io/dataset.h): from a data set in memory to files that
// appear complete or not at all.
#pragma once

#include <filesystem>
#include <vector>

#include "graph/io/dataset_writer.h"
#include "graph/io/manifest.h"
#include "graph/io/staging.h"

namespace chorale {

struct PrepareReport {
  Index users = 0, items = 0;
  Index entities = 0, relations = 0, triples = 0;  // as Dataset counts them
  Index train = 0, validation = 0, test = 0;
  std::vector<ReportLine> lines;
};

// An absolute path without links, dots or a final slash, in a folder that exists. Throws Error.
std::filesystem::path resolved_out(const std::filesystem::path& out);

// `told`: what the manifest says beside counts and digest: where the data came from, lanes, report.
PrepareReport publish(Staging& staging, const DatasetContents& contents, Manifest told,
                      int threads);

}  // namespace chorale
