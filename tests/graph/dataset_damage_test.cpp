// A folder that is not prepared, not whole, or not consistent is never opened, and the error says
// why.
#include <boost/test/unit_test.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "graph/io/dataset.h"
#include "graph/io/lane_file.h"
#include "graph/io/manifest.h"
#include "tests/graph/planted.h"
#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(dataset_damage)

namespace fs = std::filesystem;

BOOST_AUTO_TEST_CASE(a_folder_that_is_not_prepared_is_answered_with_the_command) {
  const TemporaryFolder folder;

  for (const fs::path& path : {folder.path(), folder / "none"}) {
    const Error error = error_of([&] { Dataset::open(path); });
    BOOST_TEST((error.code() == Exit::data));
    BOOST_TEST(error.what() == "no prepared data set at " + path.string());
    BOOST_TEST(error.hint().find("chorale prepare") != std::string::npos);
  }
}

// Opening must fail with Exit::data and name the file.
void expect_damage(const Planted& p, const fs::path& file) {
  const Error error = error_of([&] { p.open(); });
  BOOST_TEST((error.code() == Exit::data));
  BOOST_TEST(says(error, file.string()));
  BOOST_TEST(!error.hint().empty());
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_in_any_file_is_found) {
  const Planted p(3);
  const fs::path out = p.options.out;
  for (const fs::path& file : {out / "dataset.json", p.lane(0), p.lane(2)}) {
    const std::string good = read_text(file);
    for (std::size_t i = 0; i < good.size(); i += file.extension() == ".bin" ? 97 : 1) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      write_text(file, bad);
      expect_damage(p, file);
    }
    write_text(file, good);
  }
  for (const fs::path& file : {out / "users.tsv", out / "items.tsv"}) {
    const std::string good = read_text(file);
    std::string bad = good;
    bad[good.size() / 2] = '~';
    write_text(file, bad);
    expect_damage(p, out);
    write_text(file, good + "one more\n");
    expect_damage(p, file);
    write_text(file, good.substr(0, good.size() - 1));
    expect_damage(p, file);
    write_text(file, "");
    expect_damage(p, file);
    write_text(file, good);
  }
  BOOST_TEST(p.open().users() == 149);
}

BOOST_AUTO_TEST_CASE(a_missing_or_a_strange_lane_file_is_found) {
  const Planted p(3), other(3, 0.1);

  const std::string good = read_text(p.lane(1));
  fs::remove(p.lane(1));
  expect_damage(p, p.lane(1));
  fs::copy_file(p.lane(0), p.lane(1));
  expect_damage(p, p.lane(1));
  fs::remove(p.lane(1));
  fs::copy_file(other.lane(1), p.lane(1));  // same shape of folder, other interactions
  expect_damage(p, p.options.out);
  write_text(p.lane(1), good);
  write_text(p.lane(3), good);
  expect_damage(p, p.options.out / "dataset.json");
  fs::remove(p.lane(3));

  BOOST_TEST(p.open().users() == 149);
}

// A folder whose dataset.json has been changed by somebody who also computes the checksum.
void forge(const Planted& p, void (*change)(Manifest&)) {
  Manifest m = read_manifest(p.options.out);
  change(m);
  write_text(p.options.out / "dataset.json", to_text(m));
}

BOOST_AUTO_TEST_CASE(numbers_that_do_not_fit_the_files_are_found) {
  const std::vector<void (*)(Manifest&)> lies = {
      [](Manifest& m) { ++m.users; },           [](Manifest& m) { --m.users; },
      [](Manifest& m) { ++m.items; },           [](Manifest& m) { --m.items; },
      [](Manifest& m) { ++m.lanes; },           [](Manifest& m) { --m.lanes; },
      [](Manifest& m) { ++m.interactions[0]; }, [](Manifest& m) { --m.interactions[1]; },
      [](Manifest& m) { ++m.interactions[2]; }, [](Manifest& m) { m.digest = "0"; },
      [](Manifest& m) { m.users = -1; },        [](Manifest& m) { m.lanes = 0; },
      [](Manifest& m) { m.lanes = 2000000000; }};
  const Planted p(3);
  const std::string good = read_text(p.options.out / "dataset.json");
  for (const auto lie : lies) {
    forge(p, lie);
    expect_damage(p, p.options.out);
    write_text(p.options.out / "dataset.json", good);
  }
}

// A lane file written again with one section changed; its own digests fit.
template <class T>
void rewrite(const fs::path& path, std::string_view section, void (*change)(std::vector<T>&)) {
  const LaneFile file = LaneFile::open(path.string(), true);
  LaneFileWriter writer(path.string() + ".new", file.lane());
  for (const SectionInfo& s : file.sections()) {
    const auto copy = [&]<class E>(E) {
      const auto values = file.get<E>(s.name);
      std::vector<E> changed(values.begin(), values.end());
      if constexpr (std::is_same_v<E, T>) {
        if (s.name == section) change(changed);
      }
      writer.add(s.name, std::span<const E>(changed), static_cast<Index>(changed.size()), 1);
    };
    s.type == ElementType::i64 ? copy(Index{}) : copy(std::int32_t{});
  }
  writer.finish();
  fs::rename(path.string() + ".new", path);
}

BOOST_AUTO_TEST_CASE(ids_and_offsets_that_lead_outside_are_found) {
  using Ids = std::vector<Index>;
  const Planted p(3);
  const std::string good = read_text(p.lane(1));
  const auto expect = [&](const std::string& what) {
    const Error error = error_of([&] { p.open(); });
    BOOST_TEST(says(error, what));
    BOOST_TEST((error.code() == Exit::data));
    write_text(p.lane(1), good);
  };

  rewrite<Index>(p.lane(1), "users", [](Ids& v) { v[0] = 149; });
  expect("section \"users\": found id 149, expected 0 to 148");
  rewrite<Index>(p.lane(1), "items", [](Ids& v) { v[0] = -1; });
  expect("section \"items\": found id -1");
  rewrite<Index>(p.lane(1), "users", [](Ids& v) { v[0] = v[1]; });
  expect("a second time");
  rewrite<Index>(p.lane(1), "train.begin", [](Ids& v) { v[1] = 1 << 30; });
  expect("section \"train.begin\"");
  rewrite<Index>(p.lane(1), "train.begin", [](Ids& v) { v[0] = -4; });
  expect("section \"train.begin\"");
  rewrite<Index>(p.lane(1), "test.begin", [](Ids& v) { v.clear(); });
  expect("section \"test.begin\"");
  rewrite<Index>(p.lane(1), "train_t.begin", [](Ids& v) { v.back() += 1; });
  expect("section \"train_t.begin\"");
  rewrite<std::int32_t>(p.lane(1), "train.items",
                        [](std::vector<std::int32_t>& v) { v.back() = 83; });
  expect("section \"train.items\": found id");
  rewrite<std::int32_t>(p.lane(1), "train_t.users",
                        [](std::vector<std::int32_t>& v) { std::swap(v[0], v[1]); });
  expect("section \"train_t.users\": found id");
  BOOST_TEST(p.open().users() == 149);
}

BOOST_AUTO_TEST_CASE(another_version_is_told_apart_from_damage) {
  const Planted p(2);
  std::string text = read_text(p.options.out / "dataset.json");
  const std::string version = "\"version\": 2";
  text.replace(text.find(version), version.size(), "\"version\": 1");
  write_text(p.options.out / "dataset.json", text);

  BOOST_TEST(says(error_of([&] { p.open(); }), "found data set version 1, expected 2"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale
