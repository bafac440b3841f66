// Whole files: mapped for reading, written and synced to disk in one go. Every failure is an Error
// that names the path and the system's reason; a file that could not be finished does not stay.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/check.h"
#include "kernels/view.h"

namespace chorale {

// The bytes of a regular file, read-only, for as long as the object lives.
class MappedFile {
 public:
  // Throws Error (code) if the file is missing, no regular file or not readable.
  static MappedFile open(const std::filesystem::path& path, Exit code);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  Index size() const { return static_cast<Index>(size_); }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Writes the pieces one after another and syncs. Throws Error (Exit::io); the unfinished file is
// removed.
void write_file(const std::filesystem::path& path,
                std::span<const std::span<const std::byte>> pieces);
void write_file(const std::filesystem::path& path, std::string_view text);

// Makes the names in a folder durable, as fsync of a file does for its bytes. Throws Error
// (Exit::io).
void sync_folder(const std::filesystem::path& folder);

}  // namespace chorale
