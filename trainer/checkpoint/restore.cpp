// Restoring: every check is made before the first value is overwritten, so a checkpoint that does
// not fit leaves the tables as they are.
#include <algorithm>

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/together.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

void check_digest(const fs::path& folder, std::string_view what, const std::string& saved,
                  const std::string& here) {
  require_user(here.empty() || saved == here, Exit::checkpoint,
               "continue with what the run began with, or start a new run",
               "{}: was saved with the {} {}, this run has {}", folder.string(), what, saved, here);
}

// "100 x 64, rows, state m (64) v (64)"
std::string description(const v1::CheckpointTable& t, bool with_state) {
  std::string text =
      fmt::format("{} x {}, {}", t.rows(), t.cols(), t.replicated() ? "replicated" : "rows");
  if (!with_state) return text;
  text += ", state";
  if (t.columns_size() == 1) text += " none";
  for (int c = 1; c < t.columns_size(); ++c) {
    text += fmt::format(" {} ({})", t.columns(c).name(), t.columns(c).width());
  }
  return text;
}

std::string description(const Table& t, bool with_state) {
  v1::CheckpointTable same;
  same.set_rows(t.rows());
  same.set_cols(t.cols());
  same.set_replicated(t.layout() == Layout::replicated);
  same.add_columns();
  for (const StateColumn& s : t.state_columns()) {
    auto* column = same.add_columns();
    column->set_name(s.name);
    column->set_width(s.width);
  }
  return description(same, with_state);
}

constexpr const char* kConfigurationHint =
    "use the configuration that the checkpoint was saved with";

void check_table(const fs::path& folder, const v1::CheckpointTable& saved, const Table& here,
                 bool with_state) {
  const std::string found = description(saved, with_state);
  const std::string expected = description(here, with_state);
  require_user(found == expected, Exit::checkpoint, kConfigurationHint,
               "{}: table {} is {}; in this run {} is {}", folder.string(), saved.name(), found,
               here.name(), expected);
}

void check_element(const fs::path& folder, const CheckpointManifest& m) {
  require_user(m.element() == element_of_this_build(), Exit::checkpoint,
               "use the build that saved it; values are never converted silently",
               "{}: was saved in {}, this build computes in {}", folder.string(),
               v1::CheckpointElement_Name(m.element()),
               v1::CheckpointElement_Name(element_of_this_build()));
}

void check_tables(const fs::path& folder, const CheckpointManifest& m,
                  std::span<Table* const> tables, bool with_state) {
  std::string saved, here;
  for (const auto& t : m.tables()) saved += " " + t.name();
  for (const Table* t : tables) here += " " + t->name();
  bool same = m.tables_size() == static_cast<int>(tables.size());
  for (int i = 0; same && i < m.tables_size(); ++i) {
    same = m.tables(i).name() == tables[static_cast<std::size_t>(i)]->name();
  }
  require_user(same, Exit::checkpoint, kConfigurationHint, "{}: holds the tables{}, this run has{}",
               folder.string(), saved, here);
  for (int i = 0; i < m.tables_size(); ++i) {
    check_table(folder, m.tables(i), *tables[static_cast<std::size_t>(i)], with_state);
  }
  check_element(folder, m);
}

// This rank's rows of a table.
struct OwnRows {
  Index first, last;
};

OwnRows own_rows(const Table& t) {
  if (t.layout() == Layout::replicated) return {0, t.rows()};
  return {t.partition().first(), t.partition().last()};
}

// Calls visit(table, column, block), column 0 being the values, for all blocks in canonical order.
// A null table is passed over.
template <class Visit>
void for_each_block(const CheckpointManifest& m, std::span<Table* const> tables,
                    const Visit& visit) {
  int next = 0;
  for (int t = 0; t < m.tables_size(); ++t) {
    for (int c = 0; c < m.tables(t).columns_size(); ++c) {
      const int lanes = m.tables(t).replicated() ? 1 : m.lanes();
      for (int l = 0; l < lanes; ++l) {
        const CheckpointBlock& block = m.blocks(next++);
        if (tables[static_cast<std::size_t>(t)] != nullptr)
          visit(*tables[static_cast<std::size_t>(t)], c, block);
      }
    }
  }
}

using Files = std::map<std::string, LaneFile>;

// The files that hold rows of this rank, verified.
Files open_needed(const fs::path& folder, const CheckpointManifest& m,
                  std::span<Table* const> tables) {
  std::map<std::string, bool> needed;
  for_each_block(m, tables, [&](const Table& t, int, const CheckpointBlock& b) {
    const OwnRows own = own_rows(t);
    if (b.first_row() < own.last && own.first < b.last_row()) needed[b.file()] = true;
  });
  Files files;
  for (const auto& [file, blocks] : blocks_by_file(m)) {
    if (needed.contains(file)) files.emplace(file, open_verified(folder, m, file, blocks));
  }
  return files;
}

void copy_rows(const Files& files, Table& t, int column, const CheckpointBlock& b) {
  const OwnRows own = own_rows(t);
  const Index first = std::max(own.first, b.first_row()), last = std::min(own.last, b.last_row());
  if (first >= last) return;
  const auto c = static_cast<std::size_t>(column);
  const std::span<const Real> from = files.at(b.file()).get<Real>(b.section());
  t.write(c, first - own.first, last - own.first,
          from.data() + (first - b.first_row()) * t.width(c));
}

}  // namespace

Progress CheckpointStore::restore(const std::string& name, std::span<Table* const> tables,
                                  bool values_only, const std::string& dataset_digest,
                                  const std::string& config_digest) {
  const fs::path folder = folder_ / name;
  CheckpointManifest m;
  Files files;
  together(comm_.host(), [&] {
    m = read_checkpoint_manifest(folder);
    check_digest(folder, "dataset", m.dataset_digest(), dataset_digest);
    check_digest(folder, "configuration", m.config_digest(), config_digest);
    check_tables(folder, m, tables, !values_only);
    files = open_needed(folder, m, tables);
  });
  for_each_block(m, tables, [&](Table& t, int column, const CheckpointBlock& b) {
    if (column == 0 || !values_only) copy_rows(files, t, column, b);
  });
  Progress progress{m.step(), m.epoch(), {}};
  for (const auto& n : m.numbers()) progress.numbers[n.name()] = n.value();
  return progress;
}

std::string CheckpointStore::take_table(const std::string& name, const std::string& from,
                                        Table& into, const std::string& dataset_digest) {
  const fs::path folder = folder_ / name;
  CheckpointManifest m;
  Files files;
  std::vector<Table*> tables;
  std::string taken;
  together(comm_.host(), [&] {
    m = read_checkpoint_manifest(folder);
    check_digest(folder, "dataset", m.dataset_digest(), dataset_digest);
    tables.assign(static_cast<std::size_t>(m.tables_size()), nullptr);
    std::string known;
    for (int i = 0; i < m.tables_size(); ++i) {
      known += " " + m.tables(i).name();
      if (!taken.empty() || (!from.empty() && from != m.tables(i).name())) continue;
      taken = m.tables(i).name();
      tables[static_cast<std::size_t>(i)] = &into;
      check_table(folder, m.tables(i), into, false);
    }
    require_user(!taken.empty(), Exit::checkpoint, "name one of these, or leave it out",
                 "{}: found no table \"{}\", it holds{}", folder.string(), from, known);
    check_element(folder, m);
    files = open_needed(folder, m, tables);
  });
  for_each_block(m, tables, [&](Table& t, int column, const CheckpointBlock& b) {
    if (column == 0) copy_rows(files, t, column, b);
  });
  return taken;
}

}  // namespace chorale
