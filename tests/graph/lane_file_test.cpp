// The lane file: what is written comes back, and no damage of any kind goes unnoticed.
#include "graph/io/lane_file.h"

#include <sys/resource.h>
#include <xxhash.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstring>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(lane_file)

const std::vector<std::int32_t> kIds = {3, -1, 7, 2147483647, 0, 5};
const std::vector<double> kValues = {0.5, -1e300, 3};

std::vector<SectionInfo> write_sample(const std::string& path) {
  LaneFileWriter writer(path, 5);
  writer.add("ids", std::span<const std::int32_t>(kIds), 3, 2);
  writer.add("nothing", std::span<const Index>(), 0, 1);
  writer.add("values", std::span<const double>(kValues), 3, 1);
  return writer.finish();
}

// The file with some bytes replaced and a checksum that fits: what a faulty writer would produce.
std::string forged(std::string bytes, std::size_t at, std::uint64_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data() + 16, sizeof(header));
  const std::uint64_t sum =
      XXH3_64bits_withSeed(bytes.data() + 32, header, XXH3_64bits(bytes.data() + 8, 16));
  std::memcpy(bytes.data() + 24, &sum, sizeof(sum));
  return bytes;
}

BOOST_AUTO_TEST_CASE(sections_come_back_as_they_were_written) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.bin";

  const auto written = write_sample(path);
  const LaneFile file = LaneFile::open(path, true);

  BOOST_TEST(file.lane() == 5);
  BOOST_TEST(file.path() == path);
  BOOST_TEST(file.get<std::int32_t>("ids") == kIds, boost::test_tools::per_element());
  BOOST_TEST(file.get<double>("values") == kValues, boost::test_tools::per_element());
  BOOST_TEST(file.get<Index>("nothing").empty());
  BOOST_TEST(file.sections().size() == 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const SectionInfo &a = written[i], &b = file.sections()[i];
    BOOST_TEST(a.name == b.name);
    BOOST_TEST(a.rows == b.rows);
    BOOST_TEST(a.cols == b.cols);
    BOOST_TEST(a.offset == b.offset);
    BOOST_TEST(a.bytes == b.bytes);
    BOOST_TEST((a.digest == b.digest));
    BOOST_TEST(b.offset % 64 == 0);
  }
  BOOST_TEST(file.find("ids")->rows == 3);
  BOOST_TEST(file.find("other") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_file_without_sections_is_a_lane_file) {
  const TemporaryFolder folder;

  LaneFileWriter(folder / "a.bin", 0).finish();

  BOOST_TEST(LaneFile::open(folder / "a.bin", true).sections().empty());
}

BOOST_AUTO_TEST_CASE(a_span_outlives_the_handle_it_was_read_through_while_a_copy_lives) {
  const TemporaryFolder folder;
  write_sample(folder / "a.bin");

  LaneFile copy = LaneFile::open(folder / "a.bin", false);
  std::span<const std::int32_t> ids;
  {
    const LaneFile first = copy;
    ids = first.get<std::int32_t>("ids");
  }

  BOOST_TEST(ids == kIds, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_of_the_whole_file_is_found) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.bin";
  write_sample(path);
  const std::string good = read_text(path);

  std::size_t missed = 0;
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    write_text(path, bad);
    try {
      LaneFile::open(path, true);
      ++missed;
    } catch (const Error& e) {
      missed += e.code() == Exit::data && says(e, path) ? 0 : 1;
    }
  }

  BOOST_TEST(missed == 0u);
}

BOOST_AUTO_TEST_CASE(a_flipped_header_byte_is_found_without_reading_the_payloads) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.bin";
  const auto sections = write_sample(path);
  const std::string good = read_text(path);
  std::uint64_t header = 0;
  std::memcpy(&header, good.data() + 16, sizeof(header));

  for (std::size_t i = 0; i < 32 + header; ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(~bad[i]);
    write_text(path, bad);
    BOOST_CHECK_THROW(LaneFile::open(path, false), Error);
  }
}

BOOST_AUTO_TEST_CASE(every_truncated_length_is_called_truncated) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.bin";
  write_sample(path);
  const std::string good = read_text(path);

  for (std::size_t n = 0; n < good.size(); ++n) {
    write_text(path, good.substr(0, n));
    const Error error = error_of([&] { LaneFile::open(path, false); });
    BOOST_TEST(says(error, path + ": truncated: found " + std::to_string(n) + " bytes"));
  }
}

BOOST_AUTO_TEST_CASE(appended_bytes_are_found) {
  const TemporaryFolder folder;
  write_sample(folder / "a.bin");

  write_text(folder / "a.bin", read_text(folder / "a.bin") + std::string(64, '\0'));

  BOOST_TEST(says(error_of([&] { LaneFile::open(folder / "a.bin", false); }), "appended"));
}

BOOST_AUTO_TEST_CASE(a_header_that_lies_with_a_right_checksum_is_refused) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.bin";
  write_sample(path);
  const std::string good = read_text(path);
  // The entry of "ids" begins at 48: name length, "ids", type, then rows at 59, cols, offset,
  // bytes.
  const std::size_t rows = 59, cols = 67, offset = 75, bytes = 83;
  BOOST_TEST(forged(good, rows, 3) == good);

  const std::uint64_t huge = std::uint64_t{1} << 63;
  const std::vector<std::pair<std::size_t, std::uint64_t>> lies = {
      {32, 1},          {32, ~0ULL},         {40, 2},           {40, 4},          {40, ~0ULL},
      {rows, 4},        {rows, huge | 3},    {rows, ~0ULL},     {rows, 0},        {cols, 0},
      {cols, huge | 2}, {offset, 0},         {offset, 1 << 20}, {offset, ~63ULL}, {bytes, 1 << 20},
      {bytes, ~0ULL},   {bytes, ~0ULL - 63}, {16, 16},          {16, 8},          {16, 0}};
  for (const auto& [at, value] : lies) {
    write_text(path, forged(good, at, value));
    BOOST_CHECK_THROW(LaneFile::open(path, true), Error);
  }
}

BOOST_AUTO_TEST_CASE(sizes_whose_product_wraps_around_are_refused) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.bin";
  LaneFileWriter writer(path, 0);
  writer.add("ids", std::span<const Index>(), 0, 0);
  writer.finish();

  // 2^61 rows of one 8-byte number are 2^64 bytes, which is 0 in 64 bits.
  std::string lie = forged(read_text(path), 59, std::uint64_t{1} << 61);
  lie = forged(lie, 67, 1);
  write_text(path, lie);

  BOOST_TEST(says(error_of([&] { LaneFile::open(path, true); }), "section \"ids\" holds 0 bytes"));
}

BOOST_AUTO_TEST_CASE(other_files_are_not_lane_files) {
  const TemporaryFolder folder;

  write_text(folder / "text", "a text of some length that is certainly no lane file");

  BOOST_TEST(says(error_of([&] { LaneFile::open(folder / "text", false); }), "not a lane file"));
  const Error missing = error_of([&] { LaneFile::open(folder / "none", false, Exit::checkpoint); });
  BOOST_TEST((missing.code() == Exit::checkpoint));
  BOOST_TEST(says(missing, "none: cannot open: No such file"));
  BOOST_TEST(says(error_of([&] { LaneFile::open(folder.path(), false); }), "found a folder"));
}

BOOST_AUTO_TEST_CASE(a_section_is_read_by_its_name_and_its_type_only) {
  const TemporaryFolder folder;
  write_sample(folder / "a.bin");
  const LaneFile file = LaneFile::open(folder / "a.bin", true, Exit::checkpoint);

  const Error missing = error_of([&] { file.get<double>("more"); });
  const Error type = error_of([&] { file.get<float>("values"); });

  BOOST_TEST(says(missing, "there is no section \"more\""));
  BOOST_TEST(says(type, "section \"values\" is f64, expected f32"));
  BOOST_TEST((type.code() == Exit::checkpoint));
}

BOOST_AUTO_TEST_CASE(a_writer_refuses_sizes_that_do_not_fit_and_a_name_given_twice) {
  LaneFileWriter writer("unused", 0);
  writer.add("ids", std::span<const std::int32_t>(kIds), 6, 1);

  const auto add = [&](const char* name, Index rows) {
    writer.add(name, std::span<const std::int32_t>(kIds), rows, 1);
  };

  BOOST_TEST((error_of([&] { add("more", 5); }).code() == Exit::internal));
  BOOST_TEST((error_of([&] { add("ids", 6); }).code() == Exit::internal));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_created_is_an_io_error_that_names_it) {
  const TemporaryFolder folder;

  const Error error = error_of([&] { write_sample(folder / "none/a.bin"); });

  BOOST_TEST((error.code() == Exit::io));
  BOOST_TEST(says(error, "none/a.bin: cannot create: No such file or directory"));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_finished_does_not_stay) {
  const TemporaryFolder folder;
  rlimit before{};
  BOOST_REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{200, before.rlim_max};

  BOOST_REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  Exit code = Exit::finished;
  try {
    write_sample(folder / "a.bin");
  } catch (const Error& error) {
    code = error.code();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);

  BOOST_TEST((code == Exit::io));
  BOOST_TEST(std::filesystem::is_empty(folder.path()));
}

BOOST_AUTO_TEST_CASE(a_digest_is_xxh3_of_128_bits) {
  BOOST_TEST(digest_of(std::string_view()).hex() == "99aa06d3014798d86001c324468d497f");
  BOOST_TEST((Digest{1, 0xabc}.hex() == "00000000000000010000000000000abc"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
