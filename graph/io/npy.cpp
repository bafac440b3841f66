// The header is 6 bytes of magic, 2 of the version, the length of a Python dictionary (2 bytes in
// version 1, 4 later), and the dictionary: 'descr', 'fortran_order' and 'shape', of which only what
// NumPy writes is understood.
#include "graph/io/npy.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "graph/io/file.h"
#include "graph/io/text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  throw Error(Exit::data, fmt::format("{}: {}", path.string(), what),
              "save it with numpy.save(path, array.astype('<f4')), where array has two dimensions");
}

struct Header {
  std::string descr;
  bool is_fortran = false;
  std::vector<Index> shape;
  std::size_t data = 0;  // where it begins
};

// The dictionary, token by token; a failed step leaves `failed` set.
class Dictionary {
 public:
  explicit Dictionary(std::string_view text) : rest_(text) {}

  // Nothing unless it is a dictionary with these three keys.
  std::optional<Header> parse() {
    Header h;
    expect('{');
    int seen = 0;
    while (!failed_ && !take('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        h.descr = string(), seen |= 1;
      } else if (key == "fortran_order") {
        h.is_fortran = boolean(), seen |= 2;
      } else if (key == "shape") {
        h.shape = tuple(), seen |= 4;
      } else {
        failed_ = true;
      }
      if (!take(',') && !failed_) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (failed_ || seen != 7 || !rest_.empty()) return std::nullopt;
    return h;
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n'))
      rest_.remove_prefix(1);
  }
  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { failed_ = !take(c) || failed_; }
  std::string string() {
    const bool single = take('\'');
    if (!single) expect('"');
    const std::size_t end = rest_.find(single ? '\'' : '"');
    if (failed_ || end == std::string_view::npos) {
      failed_ = true;
      return {};
    }
    std::string value(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return value;
  }
  bool boolean() {
    skip_blanks();
    const bool value = rest_.starts_with("True");
    failed_ = failed_ || (!value && !rest_.starts_with("False"));
    if (!failed_) rest_.remove_prefix(value ? 4 : 5);
    return value;
  }
  std::vector<Index> tuple() {
    std::vector<Index> values;
    expect('(');
    while (!failed_ && !take(')')) {
      skip_blanks();
      Index value = -1;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      failed_ = failed_ || error != std::errc{} || value < 0;
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      values.push_back(value);
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

  std::string_view rest_;
  bool failed_ = false;
};

Header read_header(const std::filesystem::path& path, std::string_view text) {
  if (!text.starts_with(kMagic) || text.size() < 12) {
    refuse(path, "found no .npy header, expected one");
  }
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(text[i]));
  };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3 || byte(7) != 0) {
    refuse(path, fmt::format("found .npy version {}.{}, expected 1.0 to 3.0", version, byte(7)));
  }
  std::size_t begin = 10, length = byte(8) | byte(9) << 8;
  if (version > 1) {
    begin = 12;
    length |= byte(10) << 16 | byte(11) << 24;
  }
  if (length > text.size() - begin) {
    refuse(path, fmt::format("truncated: found {} bytes, too few for a header of {}", text.size(),
                             length));
  }
  const std::string_view dictionary = text.substr(begin, length);
  std::optional<Header> header = Dictionary(dictionary).parse();
  if (!header) {
    refuse(path, fmt::format("found the header {}, expected 'descr' of one type, 'fortran_order' "
                             "and 'shape'",
                             quoted(dictionary)));
  }
  header->data = begin + length;
  return *header;
}

// IEEE 754 half precision; every value is a float.
float from_half(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  float value = 0;
  if (exponent == 31) {
    value = fraction == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    value = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

template <class T>
T load(const char* data) {
  T value;
  std::memcpy(&value, data, sizeof(T));
  return value;
}

// One element type: its name, its size and how it becomes a float.
struct Element {
  std::string_view descr;
  std::size_t bytes;
  float (*read)(const char*);
};
constexpr std::array<Element, 3> kElements = {
    Element{"<f2", 2, [](const char* p) { return from_half(load<std::uint16_t>(p)); }},
    Element{"<f4", 4, [](const char* p) { return load<float>(p); }},
    Element{"<f8", 8, [](const char* p) { return static_cast<float>(load<double>(p)); }}};

const Element& element_of(const std::filesystem::path& path, const std::string& descr) {
  for (const Element& e : kElements) {
    if (e.descr == descr) return e;
  }
  refuse(path, descr.find('O') != std::string::npos
                   ? "found an object array (pickle), which is never read, expected numbers"
                   : fmt::format("found elements of type {}, expected <f2, <f4 or <f8",
                                 quoted(std::string_view(descr))));
}

void check_size(const std::filesystem::path& path, const Header& h, std::size_t element,
                std::size_t found) {
  if (h.shape.size() != 2) {
    refuse(path, fmt::format("found {} dimensions, expected two", h.shape.size()));
  }
  const unsigned __int128 expected = static_cast<unsigned __int128>(h.shape[0]) *
                                     static_cast<unsigned __int128>(h.shape[1]) * element;
  if (expected != found) {
    refuse(path, fmt::format("{}found {} bytes of data, expected {} x {} numbers of {} bytes",
                             expected > found ? "truncated: " : "", found, h.shape[0], h.shape[1],
                             element));
  }
}

}  // namespace

NpyArray read_npy(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path, Exit::data);
  const Header h = read_header(path, file.text());
  const Element& element = element_of(path, h.descr);
  check_size(path, h, element.bytes, file.text().size() - h.data);
  const char* data = file.text().data() + h.data;

  NpyArray array{h.shape[0], h.shape[1], {}};
  array.values.reserve(static_cast<std::size_t>(array.rows * array.cols));
  for (Index row = 0; row < array.rows; ++row) {
    for (Index col = 0; col < array.cols; ++col) {
      const Index place = h.is_fortran ? col * array.rows + row : row * array.cols + col;
      const char* at = data + static_cast<std::size_t>(place) * element.bytes;
      const float value = element.read(at);
      if (std::isinf(value) && element.bytes == 8 && std::isfinite(load<double>(at))) {
        refuse(path, fmt::format("row {}, column {}: found {}, too large for a float32", row, col,
                                 load<double>(at)));
      }
      array.values.push_back(value);
    }
  }
  return array;
}

}  // namespace chorale
