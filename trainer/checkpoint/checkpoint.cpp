// Saving, pruning and choosing. Restoring is in restore.cpp, what needs no ranks in inspect.cpp.
#include "trainer/checkpoint/checkpoint.h"

#include <cmath>

#include "comm/typed.h"
#include "graph/io/file.h"
#include "kernels/log.h"
#include "trainer/checkpoint/durable.h"
#include "trainer/checkpoint/folder.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/together.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

int lanes_of(std::span<Table* const> tables) {
  const int lanes = tables.empty() ? 1 : tables.front()->partition().lanes().count;
  for (const Table* t : tables) {
    require(t->partition().lanes().count == lanes, "table {} has {} lanes, others {}", t->name(),
            t->partition().lanes().count, lanes);
    require(is_safe_name(t->name()), "table name \"{}\" cannot be saved", t->name());
  }
  return lanes;
}

// The columns of a table as they are saved: its values, then its state.
struct SavedColumn {
  std::string name;
  Index width;
};

std::vector<SavedColumn> columns_of(const Table& table) {
  std::vector<SavedColumn> columns = {{std::string(kValueColumn), table.cols()}};
  for (const StateColumn& c : table.state_columns()) columns.push_back({c.name, c.width});
  return columns;
}

// The manifest without its blocks.
CheckpointManifest describe(const Progress& progress, const std::string& dataset_digest,
                            const std::string& config_digest, std::span<Table* const> tables) {
  CheckpointManifest m;
  m.set_format_version(kCheckpointFormat);
  m.set_step(progress.step);
  m.set_epoch(progress.epoch);
  for (const auto& [name, value] : progress.numbers) {
    auto* number = m.add_numbers();
    number->set_name(name);
    number->set_value(value);
  }
  m.set_dataset_digest(dataset_digest);
  m.set_config_digest(config_digest);
  m.set_element(element_of_this_build());
  m.set_lanes(lanes_of(tables));
  for (const Table* t : tables) {
    auto* table = m.add_tables();
    table->set_name(t->name());
    table->set_replicated(t->layout() == Layout::replicated);
    table->set_rows(t->rows());
    table->set_cols(t->cols());
    for (const SavedColumn& c : columns_of(*t)) {
      auto* column = table->add_columns();
      column->set_name(c.name);
      column->set_width(c.width);
    }
  }
  return m;
}

void require_finite(const std::vector<Real>& values, const std::string& section, Index first_row,
                    Index width) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) [[likely]]
      continue;
    throw Error(Exit::non_finite,
                fmt::format("{}: row {}, column {} is {}; nothing was saved", section,
                            first_row + static_cast<Index>(i) / width,
                            static_cast<Index>(i) % width, values[i]),
                "lower the learning rate; the last checkpoint is still good");
  }
}

// One lane's file (or the replicated tables'): the rows [first, last) of every table that `rows_of`
// gives. Appends its blocks. Nothing is written if there is nothing to write.
template <class RowsOf>
void write_blocks(const fs::path& folder, bool replicated, int lane, std::span<Table* const> tables,
                  const RowsOf& rows_of, CheckpointManifest& blocks) {
  const std::string file = block_file(replicated, lane);
  LaneFileWriter writer((folder / file).string(), lane);
  const int before = blocks.blocks_size();
  for (const Table* t : tables) {
    if ((t->layout() == Layout::replicated) != replicated) continue;
    const auto [first, last, origin] = rows_of(*t);  // origin: the global row of local row 0
    std::size_t column = 0;
    for (const SavedColumn& c : columns_of(*t)) {
      const std::string section = section_name(t->name(), c.name);
      std::vector<Real> host(static_cast<std::size_t>((last - first) * c.width));
      t->read(column++, first - origin, last - origin, host.data());
      require_finite(host, section, first, c.width);
      writer.add<Real>(section, host, last - first, c.width);
      CheckpointBlock* b = blocks.add_blocks();
      b->set_table(t->name());
      b->set_column(c.name);
      b->set_lane(lane);
      b->set_first_row(first);
      b->set_last_row(last);
      b->set_file(file);
      b->set_section(section);
    }
  }
  if (blocks.blocks_size() == before) return;
  int at = before;
  for (const SectionInfo& s : writer.finish()) {
    CheckpointBlock* b = blocks.mutable_blocks(at++);
    b->set_bytes(s.bytes);
    b->mutable_digest()->set_high(s.digest.high);
    b->mutable_digest()->set_low(s.digest.low);
  }
}

struct RowRange {
  Index first, last, origin;
};

// Everything this rank has to write.
CheckpointManifest write_share(const fs::path& folder, std::span<Table* const> tables, bool leads) {
  CheckpointManifest blocks;
  if (tables.empty()) return blocks;
  const Lanes& lanes = tables.front()->partition().lanes();
  for (int lane = lanes.begin(); lane < lanes.end(); ++lane) {
    const auto rows_of = [lane](const Table& t) {
      const Partition& p = t.partition();
      return RowRange{p.lane_begin(lane), p.lane_begin(lane + 1), p.first()};
    };
    write_blocks(folder, false, lane, tables, rows_of, blocks);
  }
  if (leads) {
    const auto rows_of = [](const Table& t) { return RowRange{0, t.rows(), 0}; };
    write_blocks(folder, true, 0, tables, rows_of, blocks);
  }
  return blocks;
}

// Adds every rank's blocks. (Concatenated messages are the merged message: protobuf's own rule.)
void gather_blocks(Communicator& host, const CheckpointManifest& mine,
                   CheckpointManifest& manifest) {
  const std::string bytes = mine.SerializeAsString();
  const std::vector<char> all =
      gather_all<char>(host, std::span<const char>(bytes.data(), bytes.size()));
  require(manifest.MergeFromString(std::string(all.begin(), all.end())),
          "the ranks' block lists do not parse");
  arrange_blocks(manifest);
}

void stage(const fs::path& folder, const fs::path& staged) {
  create_folder_durably(folder);
  recover_replaced(folder);
  remove_unfinished(folder);
  fs::create_directory(staged);
}

void commit(const fs::path& folder, const fs::path& staged, const std::string& name,
            const CheckpointManifest& manifest, bool latest) {
  write_checkpoint_manifest(staged, manifest);
  sync_folder(staged);
  replace_folder_durably(staged, folder / name);
  if (latest) set_latest(folder, name);
}

// LATEST's first, then the steps from the newest down; a LATEST that cannot be read is skipped
// aloud.
std::string candidates(const fs::path& folder) {
  std::string latest;
  try {
    latest = latest_name(folder).value_or("");
  } catch (const Error& e) {
    log_warning("{}", e.what());
  }
  std::string list = latest.empty() ? "" : latest + "\n";
  std::vector<std::string> steps = step_names(folder);
  for (auto name = steps.rbegin(); name != steps.rend(); ++name) {
    if (*name != latest) list += *name + "\n";
  }
  return list;
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder, Communicator& comm)
    : folder_(std::move(folder)), comm_(comm) {}

Digest CheckpointStore::save(const std::string& name, const Progress& progress,
                             const std::string& dataset_digest, const std::string& config_digest,
                             std::span<Table* const> tables, bool latest) {
  require_user(is_checkpoint_name(name), Exit::usage, "use letters, digits, '.', '_' and '-'",
               "\"{}\" cannot name a checkpoint", name);
  Communicator& host = comm_.host();
  const bool leads = host.rank() == 0;
  const fs::path staged = folder_ / (name + ".tmp");
  try {
    CheckpointManifest manifest = describe(progress, dataset_digest, config_digest, tables);
    CheckpointManifest mine;
    together(host, [&] {
      if (leads) stage(folder_, staged);
    });
    together(host, [&] { mine = write_share(staged, tables, leads); });
    gather_blocks(host, mine, manifest);
    together(host, [&] {
      if (leads) commit(folder_, staged, name, manifest, latest);
    });
    return digest_of_blocks(manifest);
  } catch (...) {
    std::error_code ignored;  // the first failure is the one to report
    if (leads) fs::remove_all(staged, ignored);
    throw;
  }
}

void CheckpointStore::prune(Index keep) {
  Communicator& host = comm_.host();
  together(host, [&] {
    if (host.rank() != 0) return;
    const auto latest = latest_name(folder_);
    std::vector<std::string> steps = step_names(folder_);
    for (Index i = 0; i + keep < static_cast<Index>(steps.size()); ++i) {
      const std::string& name = steps[static_cast<std::size_t>(i)];
      if (name == latest) continue;
      const fs::path unfinished = folder_ / (name + ".tmp");  // half removed it must not look whole
      rename_durably(folder_ / name, unfinished);
      fs::remove_all(unfinished);
    }
  });
}

std::optional<std::string> CheckpointStore::newest() {
  Communicator& host = comm_.host();
  const bool leads = host.rank() == 0;
  std::string list;
  together(host, [&] {
    if (!leads) return;
    recover_replaced(folder_);
    list = candidates(folder_);
  });
  list = broadcast_string(host, list);
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = list.find('\n', at);
    const std::string name = list.substr(at, end - at);
    at = end + 1;
    try {
      together(host, [&] {
        const fs::path folder = folder_ / name;
        verify_files(folder, read_checkpoint_manifest(folder), host.rank(), host.size());
      });
      return name;
    } catch (const Error& e) {
      if (e.code() != Exit::checkpoint) throw;
      if (leads) log_warning("checkpoint {} is skipped: {}", name, e.what());
    }
  }
  return std::nullopt;
}

}  // namespace chorale
