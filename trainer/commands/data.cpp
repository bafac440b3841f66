// generate, prepare, inspect: what happens before training.
#include <fmt/core.h>

#include "graph/io/dataset.h"
#include "graph/io/inspect.h"
#include "trainer/commands/commands.h"

namespace chorale {

void run_generate(const PlantedOptions& options, const std::string& out) {
  write_planted_communities(options, out);
  fmt::print("wrote {}: {} users, {} items, {} communities, seed {}\n", out, options.users,
             options.items, options.communities, options.seed);
}

namespace {

void print_report(const std::string& out, const PrepareReport& report) {
  fmt::print("{}: {} users, {} items, {} train, {} validation, {} test interactions\n", out,
             report.users, report.items, report.train, report.validation, report.test);
  if (report.relations > 0) {
    fmt::print("  knowledge: {} entities, {} relations, {} facts\n", report.entities,
               report.relations, report.triples);
  }
  for (const ReportLine& line : report.lines) fmt::print("  {}: {}\n", line.what, line.count);
}

}  // namespace

void run_power_law(PowerLawOptions options, const std::string& out) {
  options.threads = threads_per_rank(0, 1);
  print_report(out, write_power_law(options, out));
}

void run_prepare(PrepareOptions options) {
  options.threads = threads_per_rank(0, 1);
  print_report(options.out.string(), prepare(options));
}

void run_inspect(const std::string& folder) {
  fmt::print("{}", describe(Dataset::open(folder, threads_per_rank(0, 1))));
}

}  // namespace chorale
