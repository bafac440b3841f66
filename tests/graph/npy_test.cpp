// The .npy reader: every float type, version and order of which the values are known, and nothing
// else.
#include "graph/io/npy.h"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(npy)

std::string with_header(const std::string& dictionary, const std::string& data, int version = 1) {
  const std::size_t prefix = version == 1 ? 10 : 12;
  std::string padded = dictionary;
  while ((prefix + padded.size() + 1) % 64 != 0) padded += ' ';
  padded += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  bytes += static_cast<char>(padded.size());
  bytes.append(version == 1 ? 1 : 3, '\0');
  return bytes + padded + data;
}

std::string dictionary(const std::string& descr, const std::string& shape,
                       const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

NpyArray read(const std::string& bytes) {
  const TemporaryFolder folder;
  write_text(folder / "a.npy", bytes);
  return read_npy(folder / "a.npy");
}

// The message after the file's name.
std::string complaint(const std::string& bytes) {
  const TemporaryFolder folder;
  write_text(folder / "a.npy", bytes);
  const Error error = error_of([&] { read_npy(folder / "a.npy"); });
  BOOST_TEST((error.code() == Exit::data));
  BOOST_TEST(!error.hint().empty());
  const std::string message = error.what(), start = (folder / "a.npy").string() + ": ";
  BOOST_TEST(message.starts_with(start));
  return message.substr(start.size());
}

const std::vector<float> kValues = {1, -2.5F, 3, 0, 4096, -0.125F};

BOOST_AUTO_TEST_CASE(floats_and_doubles_are_read_in_every_version) {
  const std::vector<double> doubles(kValues.begin(), kValues.end());
  for (const int version : {1, 2, 3}) {
    const NpyArray f4 = read(with_header(dictionary("<f4", "(3, 2)"), bytes_of(kValues), version));
    const NpyArray f8 = read(with_header(dictionary("<f8", "(3, 2)"), bytes_of(doubles), version));

    BOOST_TEST((f4.rows == 3 && f4.cols == 2));
    BOOST_TEST(f4.values == kValues, boost::test_tools::per_element());
    BOOST_TEST(f8.values == kValues, boost::test_tools::per_element());
    BOOST_TEST(f4.row(1)[0] == 3.0F);
  }
}

BOOST_AUTO_TEST_CASE(halves_have_the_values_of_ieee_754) {
  // One, the largest, the smallest normal, the smallest and largest subnormal, minus two, minus
  // zero, infinity.
  const std::vector<std::uint16_t> halves = {0x3c00, 0x7bff, 0x0400, 0x0001,
                                             0x03ff, 0xc000, 0x8000, 0x7c00};
  const std::vector<float> expected = {1.0F,       65504.0F, 0x1p-14F, 0x1p-24F,
                                       0x3ffp-24F, -2.0F,    -0.0F,    INFINITY};

  const NpyArray a = read(with_header(dictionary("<f2", "(4, 2)"), bytes_of(halves)));

  BOOST_TEST(a.values == expected, boost::test_tools::per_element());
  BOOST_TEST(std::signbit(a.values[6]));
  const NpyArray nan = read(with_header(dictionary("<f2", "(1, 1)"), std::string("\x01\x7e", 2)));
  BOOST_TEST(std::isnan(nan.values[0]));
}

BOOST_AUTO_TEST_CASE(fortran_order_is_transposed) {
  const NpyArray a = read(with_header(dictionary("<f4", "(3, 2)", "True"), bytes_of(kValues)));

  const std::vector<float> expected = {1, 0, -2.5F, 4096, 3, -0.125F};
  BOOST_TEST(a.values == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_double_beyond_the_floats_is_refused_and_infinity_is_left_to_the_caller) {
  const std::vector<double> values = {1, 2, 1e39, 4};
  const std::vector<double> infinite = {1, -std::numeric_limits<double>::infinity()};

  BOOST_TEST(complaint(with_header(dictionary("<f8", "(2, 2)"), bytes_of(values))) ==
             "row 1, column 0: found 1e+39, too large for a float32");
  BOOST_TEST(
      std::isinf(read(with_header(dictionary("<f8", "(1, 2)"), bytes_of(infinite))).values[1]));
}

BOOST_AUTO_TEST_CASE(any_damage_to_the_header_and_any_truncation_is_refused) {
  const std::string good = with_header(dictionary("<f4", "(3, 2)"), bytes_of(kValues));
  BOOST_TEST(read(good).rows == 3);

  for (std::size_t size = 0; size < good.size(); ++size) complaint(good.substr(0, size));
  for (std::size_t byte = 0; byte < good.size() - 24; ++byte) {
    std::string damaged = good;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 0x04);
    complaint(damaged);
  }
  BOOST_TEST(complaint(good.substr(0, good.size() - 5)) ==
             "truncated: found 19 bytes of data, expected 3 x 2 numbers of 4 bytes");
  BOOST_TEST(complaint(good + "x") == "found 25 bytes of data, expected 3 x 2 numbers of 4 bytes");
}

BOOST_AUTO_TEST_CASE(what_is_no_matrix_of_little_endian_floats_is_refused) {
  const std::string data(24, 'x');
  const auto complaint_of = [&](const std::string& text) {
    return complaint(with_header(text, data));
  };

  BOOST_TEST(complaint_of(dictionary("|O", "(3, 1)")) ==
             "found an object array (pickle), which is never read, expected numbers");
  BOOST_TEST(complaint_of(dictionary(">f4", "(3, 2)")) ==
             "found elements of type \">f4\", expected <f2, <f4 or <f8");
  BOOST_TEST(complaint_of(dictionary("<i4", "(3, 2)")) ==
             "found elements of type \"<i4\", expected <f2, <f4 or <f8");
  BOOST_TEST(complaint_of(dictionary("<f4", "(6,)")) == "found 1 dimensions, expected two");
  BOOST_TEST(complaint_of(dictionary("<f4", "()")) == "found 0 dimensions, expected two");
  BOOST_TEST(complaint_of(dictionary("<f4", "(1, 3, 2)")) == "found 3 dimensions, expected two");
  for (const std::string& text :
       {dictionary("<f4", "(-3, -2)"), dictionary("<f4", "(4611686018427387904, 4)"),
        dictionary("<f4", "(99999999999999999999, 4)"), dictionary("<f4", "(3, 2)", "Maybe"),
        std::string("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3, 2), }"),
        std::string("{'descr': '<f4', 'shape': (3, 2), }"), std::string("[1, 2]"), std::string()}) {
    complaint_of(text);
  }
  BOOST_TEST(complaint("PK\x03\x04 a zip file, as .npz is") ==
             "found no .npy header, expected one");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
