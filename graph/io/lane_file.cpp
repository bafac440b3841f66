// The header of a lane file is: u64 bytes of the whole file, u64 number of sections, and for each
// section u32 length of its name, the name, u32 type, u64 rows, cols, offset, bytes, digest high,
// digest low. Every byte of the file is accounted for: a checksum covers the preamble and the
// header, digests cover payloads, gaps are zero and shorter than 64, and the file ends where the
// header says.
#include "graph/io/lane_file.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "graph/io/file.h"

namespace chorale {

static_assert(std::endian::native == std::endian::little, "lane files are little-endian");

struct LaneFile::Mapping {
  std::string path;
  Exit code = Exit::data;
  MappedFile file;
  int lane = 0;
  std::vector<SectionInfo> sections;
};

namespace {

constexpr std::string_view kMagic = "CHORLANE";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kPreamble = 32;  // magic, version, lane, header bytes, checksum
constexpr std::size_t kAlign = 64;
constexpr std::size_t kSectionBytes = 56;  // of one section in the header, without its name
constexpr std::size_t kLongestName = 255;
constexpr std::array<std::byte, kAlign> kZeros{};

std::size_t aligned(std::size_t n) { return (n + kAlign - 1) / kAlign * kAlign; }

std::size_t element_bytes(ElementType type) {
  switch (type) {
    case ElementType::i32:
    case ElementType::f32:
      return 4;
    case ElementType::i64:
    case ElementType::f64:
      return 8;
    case ElementType::bytes:
      return 1;
  }
  return 0;
}

std::string_view type_name(ElementType type) {
  constexpr std::array<std::string_view, 6> names = {"unknown", "i32", "i64",
                                                     "f32",     "f64", "bytes"};
  return names[element_bytes(type) == 0 ? 0 : static_cast<std::size_t>(type)];
}

// The checksum covers the header and, as its seed, the 16 bytes of the preamble that stand before
// it.
std::uint64_t checksum(std::span<const std::byte> preamble, std::span<const std::byte> header) {
  const std::uint64_t seed = XXH3_64bits(preamble.data() + kMagic.size(), 16);
  return XXH3_64bits_withSeed(header.data(), header.size(), seed);
}

template <class T>
void put(std::vector<std::byte>& out, T value) {
  std::array<std::byte, sizeof(T)> raw;
  std::memcpy(raw.data(), &value, sizeof(T));
  out.insert(out.end(), raw.begin(), raw.end());
}

std::vector<std::byte> encode_header(std::size_t file_bytes,
                                     const std::vector<SectionInfo>& sections) {
  std::vector<std::byte> out;
  put<std::uint64_t>(out, file_bytes);
  put<std::uint64_t>(out, sections.size());
  for (const SectionInfo& s : sections) {
    put<std::uint32_t>(out, static_cast<std::uint32_t>(s.name.size()));
    const auto name = std::as_bytes(std::span(s.name));
    out.insert(out.end(), name.begin(), name.end());
    put<std::uint32_t>(out, static_cast<std::uint32_t>(s.type));
    for (const Index n : {s.rows, s.cols, s.offset, s.bytes}) {
      put<std::uint64_t>(out, static_cast<std::uint64_t>(n));
    }
    put<std::uint64_t>(out, s.digest.high);
    put<std::uint64_t>(out, s.digest.low);
  }
  return out;
}

// Reads and checks one file; every failure names it.
class Parser {
 public:
  Parser(const std::string& path, Exit code, std::span<const std::byte> file)
      : path_(path), code_(code), file_(file) {}

  int lane() const { return static_cast<int>(at<std::uint32_t>(12)); }
  std::vector<SectionInfo> sections();
  void verify(const std::vector<SectionInfo>& sections) const;

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(code_, fmt::format("{}: {}", path_, what),
                "the file is damaged or incomplete; restore it from a copy or write it again");
  }
  [[noreturn]] void truncated(std::uint64_t expected) const {
    fail(fmt::format("truncated: found {} bytes, expected {}{}", file_.size(),
                     expected == kPreamble ? "at least " : "", expected));
  }
  template <class T>
  T at(std::size_t position) const {
    T value;
    std::memcpy(&value, file_.data() + position, sizeof(T));
    return value;
  }
  template <class T>
  T take() {
    if (header_end_ - position_ < sizeof(T)) fail("the header ends within a section's entry");
    const T value = at<T>(position_);
    position_ += sizeof(T);
    return value;
  }
  void check_preamble();
  SectionInfo section(std::size_t& end);
  void check_size(const SectionInfo& s, std::uint64_t rows, std::uint64_t cols) const;

  const std::string& path_;
  Exit code_;
  std::span<const std::byte> file_;
  std::size_t position_ = kPreamble;
  std::size_t header_end_ = kPreamble;
};

void Parser::check_preamble() {
  if (file_.empty()) truncated(kPreamble);
  const std::size_t seen = std::min(file_.size(), kMagic.size());
  if (std::memcmp(file_.data(), kMagic.data(), seen) != 0) {
    fail("not a lane file: it does not begin with \"CHORLANE\"");
  }
  if (file_.size() < kPreamble) truncated(kPreamble);
  const auto version = at<std::uint32_t>(8);
  if (version != kVersion) {
    fail(fmt::format("found lane file version {}, expected {}", version, kVersion));
  }
  if (at<std::uint32_t>(12) > static_cast<std::uint32_t>(std::numeric_limits<int>::max())) {
    fail("the lane's number is out of range");
  }
  const auto header_bytes = at<std::uint64_t>(16);
  if (header_bytes > file_.size() - kPreamble) {
    fail(fmt::format("truncated: found {} bytes, too few for a header of {}", file_.size(),
                     header_bytes));
  }
  header_end_ = kPreamble + static_cast<std::size_t>(header_bytes);
  const auto header = file_.subspan(kPreamble, static_cast<std::size_t>(header_bytes));
  const std::uint64_t found = checksum(file_.first(kPreamble), header);
  if (found != at<std::uint64_t>(24)) {
    fail(fmt::format("header checksum is {:016x}, expected {:016x}", found, at<std::uint64_t>(24)));
  }
}

void Parser::check_size(const SectionInfo& s, std::uint64_t rows, std::uint64_t cols) const {
  const std::uint64_t size = element_bytes(s.type);
  if (size == 0) {
    fail(fmt::format("section \"{}\" has unknown element type {}", s.name,
                     static_cast<std::uint32_t>(s.type)));
  }
  // Divisions, because a product could wrap around.
  const auto bytes = static_cast<std::uint64_t>(s.bytes);
  const std::uint64_t elements = bytes / size;
  const bool fits = rows == 0 || cols == 0
                        ? bytes == 0
                        : bytes % size == 0 && elements % rows == 0 && elements / rows == cols;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
  if (!fits || rows > kMost || cols > kMost) {
    fail(fmt::format("section \"{}\" holds {} bytes, expected {} x {} of type {}", s.name, bytes,
                     rows, cols, type_name(s.type)));
  }
}

// `end`: where the section before ended; becomes where this one ends.
SectionInfo Parser::section(std::size_t& end) {
  SectionInfo s;
  const auto length = take<std::uint32_t>();
  if (length == 0 || length > kLongestName || length > header_end_ - position_) {
    fail(fmt::format("a section's name has {} bytes, expected 1 to {}", length, kLongestName));
  }
  s.name.assign(reinterpret_cast<const char*>(file_.data()) + position_, length);
  position_ += length;
  s.type = static_cast<ElementType>(take<std::uint32_t>());
  const auto rows = take<std::uint64_t>(), cols = take<std::uint64_t>();
  const auto offset = take<std::uint64_t>(), bytes = take<std::uint64_t>();
  s.digest.high = take<std::uint64_t>();
  s.digest.low = take<std::uint64_t>();
  if (offset != aligned(end) || offset > file_.size() || bytes > file_.size() - offset) {
    fail(fmt::format("section \"{}\" of {} bytes at {}: expected it at {}, within {} bytes", s.name,
                     bytes, offset, aligned(end), file_.size()));
  }
  s.offset = static_cast<Index>(offset);
  s.bytes = static_cast<Index>(bytes);
  check_size(s, rows, cols);
  s.rows = static_cast<Index>(rows);
  s.cols = static_cast<Index>(cols);
  end = static_cast<std::size_t>(offset + bytes);
  return s;
}

std::vector<SectionInfo> Parser::sections() {
  check_preamble();
  position_ = kPreamble;
  const auto file_bytes = take<std::uint64_t>();
  if (file_.size() < file_bytes) truncated(file_bytes);
  if (file_.size() > file_bytes) {
    fail(fmt::format("found {} bytes, expected {}: something was appended", file_.size(),
                     file_bytes));
  }
  const auto count = take<std::uint64_t>();
  if (count > (header_end_ - position_) / kSectionBytes) fail("the header is too short");
  std::vector<SectionInfo> found;
  std::size_t end = header_end_;
  for (std::uint64_t i = 0; i < count; ++i) {
    found.push_back(section(end));
    const auto same = [&](const SectionInfo& s) { return s.name == found.back().name; };
    if (std::find_if(found.begin(), found.end() - 1, same) != found.end() - 1) {
      fail(fmt::format("two sections are named \"{}\"", found.back().name));
    }
  }
  if (position_ != header_end_) fail("the header is longer than its sections");
  if (aligned(end) != file_.size()) fail("the file is longer than its sections");
  return found;
}

void Parser::verify(const std::vector<SectionInfo>& sections) const {
  std::size_t end = header_end_;
  const auto check_gap = [&](std::size_t to) {
    if (to > end && std::memcmp(file_.data() + end, kZeros.data(), to - end) != 0) {
      fail(fmt::format("the gap at byte {} is not zero", end));
    }
  };
  for (const SectionInfo& s : sections) {
    const auto offset = static_cast<std::size_t>(s.offset);
    const auto bytes = static_cast<std::size_t>(s.bytes);
    check_gap(offset);
    const Digest found = digest_of(file_.subspan(offset, bytes));
    if (found != s.digest) {
      fail(fmt::format("section \"{}\" has digest {}, expected {}", s.name, found.hex(),
                       s.digest.hex()));
    }
    end = offset + bytes;
  }
  check_gap(file_.size());
}

}  // namespace

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Digest digest_of(std::span<const std::byte> bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  return {h.high64, h.low64};
}

void LaneFileWriter::add_bytes(std::string name, ElementType type, std::span<const std::byte> bytes,
                               Index rows, Index cols) {
  require(!name.empty() && name.size() <= kLongestName, "lane file: section name \"{}\"", name);
  require(rows >= 0 && cols >= 0 &&
              static_cast<std::size_t>(rows * cols) * element_bytes(type) == bytes.size(),
          "lane file: section \"{}\" is {} x {} of {} but has {} bytes", name, rows, cols,
          type_name(type), bytes.size());
  for (const SectionInfo& s : sections_) {
    require(s.name != name, "lane file: section \"{}\" is there already", name);
  }
  sections_.push_back({.name = std::move(name),
                       .type = type,
                       .rows = rows,
                       .cols = cols,
                       .offset = 0,
                       .bytes = static_cast<Index>(bytes.size()),
                       .digest = digest_of(bytes)});
  payloads_.emplace_back(bytes.begin(), bytes.end());
}

std::vector<SectionInfo> LaneFileWriter::finish() {
  require(lane_ >= 0, "lane file: lane {}", lane_);
  std::size_t header_bytes = 16;
  for (const SectionInfo& s : sections_) header_bytes += kSectionBytes + s.name.size();
  const std::size_t payloads_from = kPreamble + header_bytes;
  std::size_t end = payloads_from;
  for (SectionInfo& s : sections_) {
    s.offset = static_cast<Index>(aligned(end));
    end = static_cast<std::size_t>(s.offset + s.bytes);
  }
  const std::vector<std::byte> header = encode_header(aligned(end), sections_);
  require(header.size() == header_bytes, "lane file: header of {} bytes", header.size());

  std::vector<std::byte> preamble;
  for (const char c : kMagic) preamble.push_back(static_cast<std::byte>(c));
  put<std::uint32_t>(preamble, kVersion);
  put<std::uint32_t>(preamble, static_cast<std::uint32_t>(lane_));
  put<std::uint64_t>(preamble, header_bytes);
  put<std::uint64_t>(preamble, checksum(preamble, header));

  std::vector<std::span<const std::byte>> pieces = {preamble, header};
  std::size_t at = payloads_from;
  const auto pad = [&] {
    pieces.push_back(std::span(kZeros).first(aligned(at) - at));
    at = aligned(at);
  };
  for (const std::vector<std::byte>& payload : payloads_) {
    pad();
    pieces.push_back(payload);
    at += payload.size();
  }
  pad();
  write_file(path_, pieces);
  return sections_;
}

LaneFile LaneFile::open(const std::string& path, bool verify, Exit code) {
  auto mapping = std::make_shared<Mapping>();
  mapping->path = path;
  mapping->code = code;
  mapping->file = MappedFile::open(path, code);
  Parser parser(path, code, mapping->file.bytes());
  mapping->sections = parser.sections();
  mapping->lane = parser.lane();
  if (verify) parser.verify(mapping->sections);
  LaneFile file;
  file.mapping_ = std::move(mapping);
  return file;
}

int LaneFile::lane() const { return mapping_->lane; }
const std::string& LaneFile::path() const { return mapping_->path; }
const std::vector<SectionInfo>& LaneFile::sections() const { return mapping_->sections; }

const SectionInfo* LaneFile::find(std::string_view name) const {
  for (const SectionInfo& s : mapping_->sections) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

std::span<const std::byte> LaneFile::payload(std::string_view name, ElementType type) const {
  const SectionInfo* s = find(name);
  require_user(s != nullptr, mapping_->code, "it was written by another version or another program",
               "{}: there is no section \"{}\"", path(), name);
  require_user(
      s->type == type, mapping_->code, "it was written by another version or another program",
      "{}: section \"{}\" is {}, expected {}", path(), name, type_name(s->type), type_name(type));
  return mapping_->file.bytes().subspan(static_cast<std::size_t>(s->offset),
                                        static_cast<std::size_t>(s->bytes));
}

}  // namespace chorale
