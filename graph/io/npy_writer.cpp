// The header is 6 bytes of magic, the version, a length and a Python dictionary, padded so that the
// data starts at a multiple of 64.
#include "graph/io/npy_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "kernels/check.h"

namespace chorale {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t kPrefix = 10;  // magic, version, u16 length of the dictionary

std::string header_of(Index rows, Index cols) {
  std::string dictionary =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, cols);
  while ((kPrefix + dictionary.size() + 1) % 64 != 0) dictionary += ' ';
  dictionary += '\n';
  std::string header(kMagic);
  header += static_cast<char>(dictionary.size() & 0xff);
  header += static_cast<char>(dictionary.size() >> 8);
  return header + dictionary;
}

[[noreturn]] void fail_writing(const std::filesystem::path& path, std::string_view what) {
  throw Error(Exit::io, fmt::format("{}: cannot {}: {}", path.string(), what, std::strerror(errno)),
              "check free space and permissions");
}

void write_all(int descriptor, std::span<const std::byte> bytes,
               const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_writing(path, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace

NpyWriter::NpyWriter(std::filesystem::path path, Index rows, Index cols)
    : path_(std::move(path)), left_(rows * cols) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail_writing(path_, "create");
  try {
    const std::string header = header_of(rows, cols);
    write_all(descriptor_, std::as_bytes(std::span(header)), path_);
  } catch (...) {
    ::close(descriptor_);
    ::unlink(path_.c_str());
    throw;
  }
}

NpyWriter::~NpyWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(path_.c_str());
}

void NpyWriter::append(std::span<const float> values) {
  require(static_cast<Index>(values.size()) <= left_, "npy: {} values, {} expected", values.size(),
          left_);
  write_all(descriptor_, std::as_bytes(values), path_);
  left_ -= static_cast<Index>(values.size());
}

void NpyWriter::finish() {
  require(left_ == 0, "npy: {} values are missing", left_);
  if (::fsync(descriptor_) != 0) fail_writing(path_, "sync");
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0) fail_writing(path_, "close");
}

}  // namespace chorale
