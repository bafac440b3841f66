// The header is 6 bytes of magic, the version, a length and a Python dictionary, padded so that the
// data starts at a multiple of 64. The reader parses the shape only, writes the header that belongs
// to it and compares.
#include "trainer/export/npy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "graph/io/file.h"
#include "kernels/check.h"

namespace chorale {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t kPrefix = 10;  // magic, version, u16 length of the dictionary
constexpr std::string_view kShape = "'shape': (";

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

[[noreturn]] void refuse(const std::filesystem::path& path, std::size_t byte,
                         const std::string& what) {
  throw Error(Exit::data, fmt::format("{}: byte {}: {}", path.string(), byte, what),
              "save it with numpy.save(path, array.astype('<f4', order='C'))");
}

// The number at `text`, which is shortened by it; -1 if there is none.
Index take_number(std::string_view& text) {
  Index value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return -1;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
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

NpyArray read_npy(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path, Exit::data);
  const std::string_view text = file.text();
  if (!text.starts_with(kMagic)) refuse(path, 0, "found no .npy header of version 1, expected one");
  const std::size_t shape = text.substr(0, 1024).find(kShape);
  if (shape == std::string_view::npos) refuse(path, kPrefix, "found no shape, expected one");
  std::string_view numbers = text.substr(shape + kShape.size(), 64);
  const Index rows = take_number(numbers);
  if (numbers.starts_with(", ")) numbers.remove_prefix(2);
  const Index cols = take_number(numbers);
  constexpr Index kMost = Index{1} << 40;
  if (rows < 0 || cols < 0 || rows > kMost || cols > kMost) {
    refuse(path, shape, fmt::format("found {}, expected two dimensions", text.substr(shape, 40)));
  }
  const std::string header = header_of(rows, cols);
  if (!text.starts_with(header)) {
    refuse(
        path, kPrefix,
        fmt::format("found {}, expected {}", text.substr(kPrefix, 70), header.substr(kPrefix, 70)));
  }
  const std::string_view data = text.substr(header.size());
  if (static_cast<unsigned __int128>(rows) * static_cast<unsigned __int128>(cols) * sizeof(float) !=
      data.size()) {
    refuse(
        path, header.size(),
        fmt::format("found {} bytes of data, expected {} x {} float32", data.size(), rows, cols));
  }
  NpyArray array{rows, cols, std::vector<float>(data.size() / sizeof(float))};
  if (!data.empty()) std::memcpy(array.values.data(), data.data(), data.size());
  return array;
}

}  // namespace chorale
