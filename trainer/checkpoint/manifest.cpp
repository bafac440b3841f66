// The manifest file, its checksum, and the rules that make it canonical.
#include "trainer/checkpoint/manifest.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <type_traits>

#include "graph/io/file.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifestFile = "manifest.pb";
constexpr const char* kChecksumFile = "manifest.xxh128";
constexpr Index kLargestManifest = Index{64} << 20;  // bytes
constexpr Index kMostRows = Index{1} << 38;          // with kMostCols: sizes in bytes fit an Index
constexpr Index kMostCols = Index{1} << 22;          // a relation's matrix is one row

template <class... Args>
void expect(bool holds, const fs::path& path, fmt::format_string<Args...> format, Args&&... args) {
  if (holds) return;
  throw Error(
      Exit::checkpoint,
      fmt::format("{}: {}", path.string(), fmt::format(format, std::forward<Args>(args)...)),
      "use another checkpoint; `chorale ckpt ls` lists them");
}

// The line that `xxh128sum manifest.pb` prints.
std::string checksum_line(std::string_view bytes) {
  return fmt::format("{}  {}\n", digest_of(bytes).hex(), kManifestFile);
}

Index element_bytes(const CheckpointManifest& m) {
  return m.element() == v1::CHECKPOINT_ELEMENT_F64 ? Index{8} : Index{4};
}

int lanes_of(const CheckpointManifest& m, const v1::CheckpointTable& table) {
  return table.replicated() ? 1 : m.lanes();
}

void check_table(const fs::path& path, const v1::CheckpointTable& t) {
  expect(is_safe_name(t.name()), path,
         "found a table named \"{}\", expected [A-Za-z0-9._-]{{1,128}}", t.name());
  expect(0 <= t.rows() && t.rows() <= kMostRows && 0 <= t.cols() && t.cols() <= kMostCols, path,
         "table {} is {} x {}", t.name(), t.rows(), t.cols());
  expect(t.columns_size() > 0 && t.columns(0).name() == kValueColumn &&
             t.columns(0).width() == t.cols(),
         path, "table {} does not begin with its values", t.name());
  std::set<std::string> names;
  for (const auto& c : t.columns()) {
    expect(is_safe_name(c.name()) && names.insert(c.name()).second, path,
           "table {}: found a column \"{}\", expected safe and distinct names", t.name(), c.name());
    expect(c.width() == t.cols() || c.width() == 1, path,
           "table {}: column {} is {} wide, expected {}", t.name(), c.name(), c.width(), t.cols());
  }
}

// The blocks of one column; `next` is the first of them and becomes the first after them.
void check_blocks(const fs::path& path, const CheckpointManifest& m, const v1::CheckpointTable& t,
                  const v1::CheckpointColumn& c, int& next) {
  Index row = 0;
  for (int lane = 0; lane < lanes_of(m, t); ++lane, ++next) {
    expect(next < m.blocks_size(), path, "block ({}, {}, {}) is missing", t.name(), c.name(), lane);
    const CheckpointBlock& b = m.blocks(next);
    expect(b.table() == t.name() && b.column() == c.name() && b.lane() == lane, path,
           "found block ({}, {}, {}), expected ({}, {}, {})", b.table(), b.column(), b.lane(),
           t.name(), c.name(), lane);
    expect(b.first_row() == row && row <= b.last_row() && b.last_row() <= t.rows(), path,
           "block ({}, {}, {}) holds rows {} to {} of {}, expected them from {}", t.name(),
           c.name(), lane, b.first_row(), b.last_row(), t.rows(), row);
    const Index bytes = (b.last_row() - b.first_row()) * c.width() * element_bytes(m);
    expect(b.bytes() == bytes, path, "block ({}, {}, {}) has {} bytes, expected {}", t.name(),
           c.name(), lane, b.bytes(), bytes);
    expect(b.file() == block_file(t.replicated(), lane) &&
               b.section() == section_name(t.name(), c.name()),
           path, "block ({}, {}, {}) is in {}, section {}", t.name(), c.name(), lane, b.file(),
           b.section());
    row = b.last_row();
  }
  expect(row == t.rows(), path, "the lanes of table {} end at row {} of {}", t.name(), row,
         t.rows());
}

void check_canonical(const fs::path& path, const CheckpointManifest& m) {
  expect(m.format_version() == kCheckpointFormat, path,
         "found format {}, this build reads format {}", m.format_version(), kCheckpointFormat);
  expect(m.step() >= 0 && m.epoch() >= 0, path, "step {} of epoch {}", m.step(), m.epoch());
  expect(m.element() == v1::CHECKPOINT_ELEMENT_F32 || m.element() == v1::CHECKPOINT_ELEMENT_F64,
         path, "found element type {}, expected f32 or f64", static_cast<int>(m.element()));
  expect(m.lanes() >= 1, path, "found {} lanes", m.lanes());
  std::set<std::string> names;
  int next = 0;
  for (const auto& t : m.tables()) {
    check_table(path, t);
    expect(names.insert(t.name()).second, path, "two tables are named {}", t.name());
    for (const auto& c : t.columns()) check_blocks(path, m, t, c, next);
  }
  expect(next == m.blocks_size(), path, "found {} blocks, expected {}", m.blocks_size(), next);
}

void check_section(const LaneFile& file, const CheckpointManifest& m, const CheckpointBlock& b) {
  const SectionInfo* s = file.find(b.section());
  expect(s != nullptr, file.path(), "there is no section \"{}\"", b.section());
  const ElementType type =
      m.element() == v1::CHECKPOINT_ELEMENT_F64 ? ElementType::f64 : ElementType::f32;
  const Digest digest{b.digest().high(), b.digest().low()};
  expect(s->type == type && s->rows == b.last_row() - b.first_row() && s->bytes == b.bytes(),
         file.path(), "section \"{}\" has {} rows in {} bytes, the manifest expects {} in {}",
         b.section(), s->rows, s->bytes, b.last_row() - b.first_row(), b.bytes());
  expect(s->digest == digest, file.path(), "section \"{}\" has digest {}, the manifest expects {}",
         b.section(), s->digest.hex(), digest.hex());
}

}  // namespace

bool is_safe_name(std::string_view name) {
  const auto is_safe = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 128 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), is_safe);
}

std::string block_file(bool replicated, int lane) {
  return replicated ? "replicated.bin" : fmt::format("lane-{:05}.bin", lane);
}

std::string section_name(std::string_view table, std::string_view column) {
  return fmt::format("{}/{}", table, column);
}

v1::CheckpointElement element_of_this_build() {
  return std::is_same_v<Real, double> ? v1::CHECKPOINT_ELEMENT_F64 : v1::CHECKPOINT_ELEMENT_F32;
}

void arrange_blocks(CheckpointManifest& manifest) {
  std::map<std::tuple<std::string, std::string, int>, CheckpointBlock> found;
  for (const CheckpointBlock& b : manifest.blocks()) found[{b.table(), b.column(), b.lane()}] = b;
  manifest.clear_blocks();
  for (const auto& t : manifest.tables()) {
    for (const auto& c : t.columns()) {
      for (int lane = 0; lane < lanes_of(manifest, t); ++lane) {
        const auto block = found.find({t.name(), c.name(), lane});
        require(block != found.end(), "nobody wrote lane {} of {}/{}", lane, t.name(), c.name());
        *manifest.add_blocks() = block->second;
      }
    }
  }
}

void write_checkpoint_manifest(const fs::path& folder, const CheckpointManifest& manifest) {
  check_canonical(folder / kManifestFile, manifest);
  const std::string bytes = manifest.SerializeAsString();
  write_file(folder / kManifestFile, bytes);
  write_file(folder / kChecksumFile, checksum_line(bytes));
}

CheckpointManifest read_checkpoint_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifestFile;
  const MappedFile file = MappedFile::open(path, Exit::checkpoint);
  const MappedFile checksum = MappedFile::open(folder / kChecksumFile, Exit::checkpoint);
  expect(file.size() <= kLargestManifest, path, "found {} bytes, expected at most {}", file.size(),
         kLargestManifest);
  expect(checksum.text() == checksum_line(file.text()), path, "does not have the checksum in {}",
         kChecksumFile);
  CheckpointManifest manifest;
  expect(manifest.ParseFromArray(file.text().data(), static_cast<int>(file.size())), path,
         "is not a checkpoint manifest");
  check_canonical(path, manifest);
  return manifest;
}

std::map<std::string, std::vector<const CheckpointBlock*>> blocks_by_file(
    const CheckpointManifest& manifest) {
  std::map<std::string, std::vector<const CheckpointBlock*>> files;
  for (const CheckpointBlock& b : manifest.blocks()) files[b.file()].push_back(&b);
  return files;
}

LaneFile open_verified(const fs::path& folder, const CheckpointManifest& manifest,
                       const std::string& file, const std::vector<const CheckpointBlock*>& blocks) {
  const fs::path path = folder / file;
  expect(!fs::is_symlink(path), path, "found a symbolic link, expected a file");
  LaneFile opened = LaneFile::open(path.string(), true, Exit::checkpoint);
  expect(opened.lane() == blocks.front()->lane(), path, "holds lane {}, expected {}", opened.lane(),
         blocks.front()->lane());
  expect(opened.sections().size() == blocks.size(), path,
         "has {} sections, the manifest expects {}", opened.sections().size(), blocks.size());
  for (const CheckpointBlock* b : blocks) check_section(opened, manifest, *b);
  return opened;
}

void verify_files(const fs::path& folder, const CheckpointManifest& manifest, int share,
                  int shares) {
  int position = 0;
  for (const auto& [file, blocks] : blocks_by_file(manifest)) {
    if (position++ % shares == share) (void)open_verified(folder, manifest, file, blocks);
  }
}

Digest digest_of_blocks(const CheckpointManifest& manifest) {
  std::string text;
  for (const CheckpointBlock& b : manifest.blocks()) {
    const Digest digest{b.digest().high(), b.digest().low()};
    text += fmt::format("{} {} {} {}\n", b.table(), b.column(), b.lane(), digest.hex());
  }
  return digest_of(text);
}

}  // namespace chorale
