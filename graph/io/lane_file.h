// The one binary format: named arrays of one lane, with checksums. Data sets, checkpoints and
// caches use it.
//
// Layout, little-endian: 8 bytes magic "CHORLANE", u32 version, u32 lane, u64 header bytes, u64
// XXH3-64 of the header and the 16 bytes before this number, then the header (a table of sections),
// then the sections' payloads, each at a multiple of 64. A reader maps the file; a section is a
// span into the mapping.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "kernels/check.h"
#include "kernels/view.h"

namespace chorale {

// 128 bits of XXH3, as 32 lower-case hex digits in text.
struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::string hex() const;
  friend bool operator==(const Digest&, const Digest&) = default;
};
Digest digest_of(std::span<const std::byte> bytes);
inline Digest digest_of(std::string_view text) { return digest_of(std::as_bytes(std::span(text))); }

enum class ElementType : std::uint32_t { i32 = 1, i64 = 2, f32 = 3, f64 = 4, bytes = 5 };

template <class T>
constexpr ElementType element_type() {
  if constexpr (std::is_same_v<T, std::int32_t>) return ElementType::i32;
  if constexpr (std::is_same_v<T, std::int64_t>) return ElementType::i64;
  if constexpr (std::is_same_v<T, float>) return ElementType::f32;
  if constexpr (std::is_same_v<T, double>) return ElementType::f64;
  return ElementType::bytes;
}

struct SectionInfo {
  std::string name;
  ElementType type = ElementType::bytes;
  Index rows = 0;
  Index cols = 0;
  Index offset = 0;  // from the start of the file
  Index bytes = 0;
  Digest digest;
};

class LaneFileWriter {
 public:
  LaneFileWriter(std::string path, int lane) : path_(std::move(path)), lane_(lane) {}

  // Copies the values; rows x cols must be their number.
  template <class T>
  void add(std::string name, std::span<const T> values, Index rows, Index cols) {
    add_bytes(std::move(name), element_type<T>(), std::as_bytes(values), rows, cols);
  }
  // Writes the file and syncs it to disk. Throws Error (Exit::io) naming path and cause; a file
  // that could not be finished is removed. Returns the sections with their digests.
  std::vector<SectionInfo> finish();

 private:
  void add_bytes(std::string name, ElementType type, std::span<const std::byte> bytes, Index rows,
                 Index cols);

  std::string path_;
  int lane_;
  std::vector<SectionInfo> sections_;
  std::vector<std::vector<std::byte>> payloads_;
};

class LaneFile {
 public:
  // Maps the file and checks magic, version, header checksum and bounds; with `verify` also every
  // section's digest. Throws Error (code, by default Exit::data) that names the file, the section
  // and what differs.
  static LaneFile open(const std::string& path, bool verify, Exit code = Exit::data);

  int lane() const;
  const std::string& path() const;
  const std::vector<SectionInfo>& sections() const;
  const SectionInfo* find(std::string_view name) const;  // null if there is none
  // Throws Error if the section is missing or holds another element type.
  template <class T>
  std::span<const T> get(std::string_view name) const {
    const std::span<const std::byte> b = payload(name, element_type<T>());
    return {reinterpret_cast<const T*>(b.data()), b.size() / sizeof(T)};
  }

 private:
  struct Mapping;
  std::span<const std::byte> payload(std::string_view name, ElementType type) const;
  std::shared_ptr<const Mapping> mapping_;  // shared: copies of a LaneFile are views of one mapping
};

}  // namespace chorale
