// Files through POSIX calls, because mapping and syncing have no other interface.
#include "graph/io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace chorale {
namespace {

[[noreturn]] void fail(Exit code, const std::filesystem::path& path, std::string_view what,
                       int error) {
  throw Error(code, fmt::format("{}: cannot {}: {}", path.string(), what, std::strerror(error)),
              error == ENOSPC || error == EDQUOT ? "free some space and try again"
                                                 : "check the path and its permissions");
}

// Closes on every way out.
struct Descriptor {
  int value = -1;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

void write_all(int descriptor, std::span<const std::byte> bytes,
               const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(Exit::io, path, "write", n < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path, Exit code) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) fail(code, path, "open", errno);
  struct stat status {};
  if (::fstat(file.value, &status) != 0) fail(code, path, "read", errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(code, fmt::format("{}: found a folder or a device, expected a file", path.string()),
                "check the path");
  }
  MappedFile mapped;
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return mapped;  // an empty range cannot be mapped
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.value, 0);
  if (data == MAP_FAILED) fail(code, path, "map", errno);
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

void write_file(const std::filesystem::path& path,
                std::span<const std::span<const std::byte>> pieces) {
  Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  if (file.value < 0) fail(Exit::io, path, "create", errno);
  try {
    for (const std::span<const std::byte> piece : pieces) write_all(file.value, piece, path);
    if (::fsync(file.value) != 0) fail(Exit::io, path, "sync", errno);
    if (::close(std::exchange(file.value, -1)) != 0) fail(Exit::io, path, "close", errno);
  } catch (const Error&) {
    std::error_code ignored;  // the first failure is the one to report
    if (std::filesystem::is_regular_file(path, ignored)) std::filesystem::remove(path, ignored);
    throw;
  }
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  const std::array<std::span<const std::byte>, 1> pieces = {
      std::as_bytes(std::span<const char>(text.data(), text.size()))};
  write_file(path, pieces);
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor file{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (file.value < 0) fail(Exit::io, folder, "open", errno);
  // Some file systems cannot sync a folder and say so; there is nothing better to do there.
  if (::fsync(file.value) != 0 && errno != EINVAL && errno != ENOTSUP) {
    fail(Exit::io, folder, "sync", errno);
  }
}

}  // namespace chorale
