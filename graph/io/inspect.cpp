// The text of `chorale inspect`. Tables are aligned for people; programs read dataset.json.
#include "graph/io/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "graph/io/manifest.h"

namespace chorale {
namespace {

// The smallest value that at least a share q of the values does not exceed.
Index quantile(const std::vector<Index>& sorted, double q) {
  const auto n = static_cast<double>(sorted.size());
  const auto i = static_cast<std::size_t>(std::max(0.0, q * n - 1e-9));
  return sorted[std::min(i, sorted.size() - 1)];
}

std::string degree_line(std::string_view kind, std::vector<Index> degrees) {
  std::sort(degrees.begin(), degrees.end());
  const Index sum = std::accumulate(degrees.begin(), degrees.end(), Index{0});
  return fmt::format("  {:<12}{:>10}{:>10}{:>10.1f}{:>10}{:>10}\n", kind, degrees.front(),
                     quantile(degrees, 0.5),
                     static_cast<double>(sum) / static_cast<double>(degrees.size()),
                     quantile(degrees, 0.99), degrees.back());
}

std::string degrees(const Dataset& d) {
  std::vector<Index> users, items;
  for (Index u = 0; u < d.users(); ++u) {
    users.push_back(static_cast<Index>(d.items_of(Split::train, u).size()));
  }
  for (Index i = 0; i < d.items(); ++i) {
    items.push_back(static_cast<Index>(d.users_of(i).size()));
  }
  return fmt::format("training degrees{:>8}{:>10}{:>10}{:>10}{:>10}\n", "min", "median", "mean",
                     "p99", "max") +
         degree_line("users", std::move(users)) + degree_line("items", std::move(items));
}

std::string splits(const Dataset& d) {
  std::string text = fmt::format("splits{:>18}{:>22}\n", "interactions", "users with an item");
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    Index holders = 0;
    for (Index u = 0; u < d.users(); ++u) holders += d.items_of(split, u).empty() ? 0 : 1;
    text += fmt::format("  {:<10}{:>12}{:>22}\n", name(split), d.interactions(split), holders);
  }
  return text;
}

std::string knowledge(const Dataset& d) {
  if (d.relations() == 0) return "";
  std::vector<Index> items, others;
  for (Index e = 0; e < d.entities(); ++e) {
    (e < d.items() ? items : others)
        .push_back(
            static_cast<Index>(d.facts_from(e).entities.size() + d.facts_to(e).entities.size()));
  }
  std::string text =
      fmt::format("knowledge: {} entities, {} of them no items; {} relations, {} facts\n",
                  d.entities(), others.size(), d.relations(), d.triples());
  text += fmt::format("facts of one{:>12}{:>10}{:>10}{:>10}{:>10}\n", "min", "median", "mean",
                      "p99", "max") +
          degree_line("items", std::move(items));
  if (!others.empty()) text += degree_line("others", std::move(others));
  return text;
}

std::string features(const Dataset& d) {
  std::string text;
  for (const std::string& name : d.feature_names()) {
    const Features f = d.features(name);
    text += fmt::format("features {}: {} {}s x {}\n", name, f.rows, chorale::name(f.side), f.cols);
  }
  return text;
}

std::string balance(const Dataset& d) {
  const auto lanes = static_cast<std::size_t>(d.stored_lanes());
  const Partition p = d.node_partition({d.stored_lanes(), 1, 0});
  std::vector<Index> rows(lanes), entries(lanes);
  for (std::size_t l = 0; l < lanes; ++l) {
    const int lane = static_cast<int>(l);
    rows[l] = p.lane_begin(lane + 1) - p.lane_begin(lane);
    for (Index row = p.lane_begin(lane); row < p.lane_begin(lane + 1); ++row) {
      const Index node = d.node_of_row(row);
      if (d.is_user(node)) entries[l] += static_cast<Index>(d.items_of(Split::train, node).size());
      if (d.is_item(node)) entries[l] += static_cast<Index>(d.users_of(node - d.users()).size());
    }
  }
  const auto range = [](const std::vector<Index>& v) {
    const auto [low, high] = std::minmax_element(v.begin(), v.end());
    return fmt::format("{} to {}", *low, *high);
  };
  return fmt::format("lanes: {}, each with {} rows and {} non-zeros\n", lanes, range(rows),
                     range(entries));
}

std::string provenance(const Dataset& d) {
  const Manifest m = read_manifest(d.folder());
  std::string text = fmt::format("source: format {}\n", m.format);
  for (const SourceFile& f : m.files) {
    text += fmt::format("  {:<20}{:>12} bytes  xxh3 {}\n", f.name, f.bytes, f.digest);
  }
  if (m.test > 0) {
    text +=
        fmt::format("test: a share of {} of each user's training items, seed {}\n", m.test, m.seed);
  }
  if (m.validation > 0) {
    text += fmt::format("validation: a share of {} of each user's {}training items, seed {}\n",
                        m.validation, m.test > 0 ? "remaining " : "", m.seed);
  }
  if (m.cold_items > 0) {
    text += fmt::format("cold items: a share of {}, half for validation, half for test, seed {}\n",
                        m.cold_items, m.seed);
  }
  text += m.report.empty() ? "report: nothing unusual\n" : "report\n";
  for (const ReportLine& line : m.report) {
    text += fmt::format("  {}: {}\n", line.what, line.count);
  }
  return text;
}

}  // namespace

std::string describe(const Dataset& d) {
  const auto cells = static_cast<double>(d.users()) * static_cast<double>(d.items());
  std::string text =
      fmt::format("prepared data set {}\nusers: {}\nitems: {}\ndensity of training: {:.4g} %\n",
                  d.folder().string(), d.users(), d.items(),
                  100.0 * static_cast<double>(d.interactions(Split::train)) / cells);
  text += splits(d) + degrees(d) + knowledge(d) + features(d) + balance(d);
  text += fmt::format("digest: {}\n", d.digest());
  return text + provenance(d);
}

}  // namespace chorale
