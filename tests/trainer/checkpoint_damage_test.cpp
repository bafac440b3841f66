// Checkpoints that something happened to: flipped bits, files cut short, saves that were killed,
// disks that were full, values that are not numbers. Whatever it was, it is noticed and the
// checkpoint before it holds.
#include <signal.h>
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>

#include "kernels/log.h"
#include "tests/trainer/checkpoint_helpers.h"
#include "trainer/checkpoint/durable.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/together.h"

namespace chorale::test {
namespace {

using Names = std::vector<std::string>;

bool is_damaged(const fs::path& checkpoint) {
  try {
    verify_checkpoint(checkpoint);
    return false;
  } catch (const Error& e) {
    return e.code() == Exit::checkpoint;
  }
}

void flip(const fs::path& file, std::size_t byte, int bit) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(static_cast<std::streamoff>(byte));
  const int old = f.get();
  require(old >= 0, "{} has no byte {}", file.string(), byte);
  f.seekp(static_cast<std::streamoff>(byte));
  f.put(static_cast<char>(old ^ (1 << bit)));
}

// No file of this process may grow beyond so many bytes while this lives: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  sighandler_t handler_;
};

// What every rank was told when `work` failed.
std::vector<std::string> errors_of(const fs::path& ckpt, int ranks, Exit code,
                                   const std::function<void(RankOfStore)>& work) {
  std::vector<std::string> texts(static_cast<std::size_t>(ranks));
  on_ranks(ckpt, ranks, 5, [&](RankOfStore r) {
    try {
      work(r);
    } catch (const Error& e) {
      if (e.code() == code) texts[static_cast<std::size_t>(r.comm.rank())] = e.what();
    }
  });
  return texts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoint_damage)

BOOST_AUTO_TEST_CASE(every_flipped_bit_of_the_manifest_is_noticed) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1, 1, 2);
  const fs::path checkpoint = folder.ckpt() / "step-1";

  int flips = 0, noticed = 0;
  for (const char* name : {"manifest.pb", "manifest.xxh128"}) {
    const fs::path file = checkpoint / name;
    const std::size_t size = fs::file_size(file);
    for (std::size_t byte = 0; byte < size; ++byte) {
      for (int bit = 0; bit < 8; bit += name[9] == 'p' ? 3 : 1, ++flips) {
        flip(file, byte, bit);
        noticed += is_damaged(checkpoint);
        flip(file, byte, bit);
      }
    }
  }

  BOOST_TEST(flips > 3000);
  BOOST_TEST(noticed == flips);
  BOOST_TEST(!is_damaged(checkpoint));
}

BOOST_AUTO_TEST_CASE(ten_thousand_flipped_bits_of_the_blocks_are_noticed) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1, 1, 2);
  const fs::path checkpoint = folder.ckpt() / "step-1";
  const Names files = {"lane-00000.bin", "lane-00001.bin", "replicated.bin"};

  int noticed = 0;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const RandomBits b = random_bits({Purpose::test, 11}, 0, i);
    const fs::path file = checkpoint / files[b.word[0] % files.size()];
    const std::size_t byte = b.word[1] % fs::file_size(file);
    flip(file, byte, static_cast<int>(b.word[2] % 8));
    noticed += is_damaged(checkpoint);
    flip(file, byte, static_cast<int>(b.word[2] % 8));
  }

  BOOST_TEST(noticed == 10000);
  BOOST_TEST(!is_damaged(checkpoint));
}

BOOST_AUTO_TEST_CASE(files_that_are_cut_extended_swapped_or_gone_are_noticed) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1, 1, 2);
  const fs::path checkpoint = folder.ckpt() / "step-1";

  for (const std::string& name : names_in(checkpoint)) {
    const fs::path file = checkpoint / name;
    const std::string bytes = read(file);
    int noticed = 0;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      write(file, bytes.substr(0, size));
      noticed += is_damaged(checkpoint);
    }
    BOOST_TEST(noticed == static_cast<int>(bytes.size()), name);
    write(file, bytes + '\0');
    BOOST_TEST(is_damaged(checkpoint), name << " with a byte more");
    fs::remove(file);
    BOOST_TEST(is_damaged(checkpoint), name << " gone");
    fs::create_symlink("/dev/null", file);
    BOOST_TEST(is_damaged(checkpoint), name << " a link");
    fs::remove(file);
    write(file, bytes);
  }
  BOOST_TEST(!is_damaged(checkpoint));
  fs::rename(checkpoint / "lane-00000.bin", checkpoint / "x");
  fs::rename(checkpoint / "lane-00001.bin", checkpoint / "lane-00000.bin");
  fs::rename(checkpoint / "x", checkpoint / "lane-00001.bin");
  BOOST_TEST(is_damaged(checkpoint), "lanes swapped");
}

BOOST_AUTO_TEST_CASE(a_block_of_another_checkpoint_is_noticed) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1);
  save(folder.ckpt(), "step-2", 2);

  fs::copy_file(folder.ckpt() / "step-1/lane-00003.bin", folder.ckpt() / "step-2/lane-00003.bin",
                fs::copy_options::overwrite_existing);

  BOOST_TEST(is_damaged(folder.ckpt() / "step-2"));
  BOOST_TEST((newest(folder.ckpt()) == "step-1"));
}

BOOST_AUTO_TEST_CASE(a_manifest_with_a_good_checksum_must_still_make_sense) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1, 1, 2);
  const fs::path checkpoint = folder.ckpt() / "step-1";
  const std::string good = read(checkpoint / "manifest.pb");
  fs::copy_file(checkpoint / "lane-00000.bin", folder.ckpt() / "copy.bin");
  const std::vector<std::function<void(CheckpointManifest&)>> attacks = {
      [](CheckpointManifest& m) { m.set_format_version(2); },
      [](CheckpointManifest& m) { m.set_element(v1::CHECKPOINT_ELEMENT_UNSPECIFIED); },
      [](CheckpointManifest& m) { m.set_lanes(0); },
      [](CheckpointManifest& m) { m.set_lanes(2000000000); },
      [](CheckpointManifest& m) { m.set_step(-1); },
      [](CheckpointManifest& m) { m.mutable_blocks()->RemoveLast(); },
      [](CheckpointManifest& m) { *m.add_blocks() = m.blocks(0); },
      [](CheckpointManifest& m) { m.mutable_blocks()->SwapElements(0, 1); },
      [](CheckpointManifest& m) {  // the right bytes, but outside the folder
        for (CheckpointBlock& b : *m.mutable_blocks()) {
          if (b.file() == "lane-00000.bin") b.set_file("../copy.bin");
        }
      },
      [](CheckpointManifest& m) { m.mutable_blocks(0)->set_section("m.side/value"); },
      [](CheckpointManifest& m) { m.mutable_blocks(0)->set_bytes(m.blocks(0).bytes() + 4); },
      [](CheckpointManifest& m) { m.mutable_blocks(0)->set_last_row(m.blocks(0).last_row() + 1); },
      [](CheckpointManifest& m) {
        m.mutable_blocks(1)->set_first_row(m.blocks(1).first_row() - 1);
      },
      [](CheckpointManifest& m) { m.mutable_blocks(0)->set_last_row(-1); },
      [](CheckpointManifest& m) { m.mutable_tables(0)->set_name("../x"); },
      [](CheckpointManifest& m) { m.mutable_tables(0)->set_rows(Index{1} << 62); },
      [](CheckpointManifest& m) { m.mutable_tables(0)->set_cols(-3); },
      [](CheckpointManifest& m) { m.mutable_tables(1)->set_name("m.ego"); },
      [](CheckpointManifest& m) { m.mutable_tables(0)->mutable_columns(1)->set_name("value"); },
      [](CheckpointManifest& m) { m.mutable_tables(0)->mutable_columns(1)->set_width(1000000007); },
      [](CheckpointManifest& m) { m.mutable_tables(0)->clear_columns(); },
      [](CheckpointManifest& m) { m.mutable_tables(2)->set_replicated(false); },
  };

  for (std::size_t i = 0; i < attacks.size(); ++i) {
    CheckpointManifest m;
    m.ParseFromString(good);
    attacks[i](m);
    const std::string bytes = m.SerializeAsString();
    write(checkpoint / "manifest.pb", bytes);
    write(checkpoint / "manifest.xxh128", digest_of(bytes).hex() + "  manifest.pb\n");
    BOOST_TEST(is_damaged(checkpoint), "attack " << i);
  }
}

BOOST_AUTO_TEST_CASE(a_killed_save_leaves_the_checkpoint_before_it) {
  const Folder folder, whole;
  save(folder.ckpt(), "step-1", 1);
  save(whole.ckpt(), "step-2", 2);
  const fs::path done = whole.ckpt() / "step-2", staged = folder.ckpt() / "step-2.tmp";
  const Names files = names_in(done);

  // Killed after n files, the last of them half written.
  for (std::size_t n = 0; n <= files.size(); ++n) {
    for (const bool half : {true, false}) {
      if (n == 0 && half) continue;
      fs::create_directory(staged);
      for (std::size_t i = 0; i < n; ++i) {
        const std::string bytes = read(done / files[i]);
        write(staged / files[i], half && i + 1 == n ? bytes.substr(0, bytes.size() / 2) : bytes);
      }
      BOOST_TEST((newest(folder.ckpt()) == "step-1"), n << " files");
      BOOST_TEST(restores(folder.ckpt(), "step-1", 1));
      BOOST_TEST((resolve_checkpoint(folder.path()) == folder.ckpt() / "step-1"));
      save(folder.ckpt(), "step-3", 3);
      BOOST_TEST(names_in(folder.ckpt()) == (Names{"LATEST", "step-1", "step-3"}),
                 boost::test_tools::per_element());
      fs::remove_all(folder.ckpt() / "step-3");
      write(folder.ckpt() / "LATEST", "step-1\n");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_save_killed_between_commit_and_latest_leaves_both) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1);
  save(folder.ckpt(), "step-2", 2);
  write(folder.ckpt() / "LATEST", "step-1\n");
  write(folder.ckpt() / "LATEST.tmp", "ste");

  BOOST_TEST((newest(folder.ckpt()) == "step-1"));
  fs::remove(folder.ckpt() / "LATEST");
  BOOST_TEST((newest(folder.ckpt()) == "step-2"));
  save(folder.ckpt(), "step-3", 3);
  BOOST_TEST(!fs::exists(folder.ckpt() / "LATEST.tmp"));
}

BOOST_AUTO_TEST_CASE(a_replacement_killed_between_its_two_renames_is_undone) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1);
  fs::rename(folder.ckpt() / "step-1", folder.ckpt() / "step-1.old");

  BOOST_TEST((newest(folder.ckpt()) == "step-1"));
  fs::copy(folder.ckpt() / "step-1", folder.ckpt() / "step-1.old");
  BOOST_TEST((newest(folder.ckpt()) == "step-1"));

  BOOST_TEST(names_in(folder.ckpt()) == (Names{"LATEST", "step-1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_damaged_latest_falls_back_to_the_newest_good_one_and_says_why) {
  const Folder folder, log;
  for (const int n : {1, 9, 10}) save(folder.ckpt(), "step-" + std::to_string(n), n);
  flip(folder.ckpt() / "step-10/lane-00002.bin", 500, 0);
  configure_log(0, true);
  add_log_file(log.path().string(), 0);

  for (const int ranks : {1, 3}) BOOST_TEST((newest(folder.ckpt(), ranks) == "step-9"));
  write(folder.ckpt() / "LATEST", "../step-1\n");
  BOOST_TEST((newest(folder.ckpt()) == "step-9"));
  fs::remove(folder.ckpt() / "step-9/manifest.pb");
  BOOST_TEST((newest(folder.ckpt()) == "step-1"));
  fs::remove_all(folder.ckpt() / "step-1");
  BOOST_TEST(!newest(folder.ckpt()).has_value());
  configure_log(0, true);

  const std::string text = read(log.path() / "rank-0000.log");
  BOOST_TEST(text.find("step-10 is skipped") != std::string::npos);
  BOOST_TEST(text.find("lane-00002.bin") != std::string::npos);
  BOOST_TEST(text.find("step-9 is skipped") != std::string::npos);
  BOOST_TEST(text.find("LATEST: does not hold a checkpoint's name") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_damaged_checkpoint_is_not_restored_and_changes_nothing_on_any_rank) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1);
  flip(folder.ckpt() / "step-1/lane-00004.bin", 600, 3);  // a lane of the last rank

  std::vector<char> kept(3);
  const auto texts = errors_of(folder.ckpt(), 3, Exit::checkpoint, [&](RankOfStore r) {
    r.tables.set(2);
    try {
      r.store.restore("step-1", r.tables.pointers, false, "data", "config");
    } catch (const Error&) {
      kept[static_cast<std::size_t>(r.comm.rank())] = r.tables.hold(2);
      throw;
    }
  });

  for (std::size_t r = 0; r < 3; ++r) {
    BOOST_TEST(kept[r]);
    BOOST_TEST(texts[r] == texts[0]);
  }
  BOOST_TEST(texts[0].starts_with("rank 2: "));
  BOOST_TEST(texts[0].find("lane-00004.bin") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_are_never_committed) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1);

  for (const bool in_state : {false, true}) {
    const auto texts = errors_of(folder.ckpt(), 3, Exit::non_finite, [&](RankOfStore r) {
      r.tables.set(2);
      const Table& t = r.tables[0];
      if (t.partition().owns(17)) {
        const View v = in_state ? t.state(1) : t.values();
        v(17 - t.partition().first(), 1) = std::numeric_limits<Real>::quiet_NaN();
      }
      r.store.save("step-2", {}, "data", "config", r.tables.pointers, true);
    });

    for (const std::string& text : texts) {
      BOOST_TEST(text == fmt::format("rank 2: m.ego/{}: row 17, column 1 is nan; nothing was saved",
                                     in_state ? "v" : "value"));
    }
    BOOST_TEST(names_in(folder.ckpt()) == (Names{"LATEST", "step-1"}),
               boost::test_tools::per_element());
    BOOST_TEST((newest(folder.ckpt()) == "step-1"));
  }
}

BOOST_AUTO_TEST_CASE(a_full_disk_at_any_byte_is_an_error_and_leaves_nothing_behind) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1);

  int failures = 0;
  for (rlim_t bytes = 0;; bytes += 97, ++failures) {
    std::vector<std::string> texts;
    {
      const FullDisk full(bytes);
      texts = errors_of(folder.ckpt(), 2, Exit::io, [&](RankOfStore r) {
        r.tables.set(2);
        r.store.save("step-2", {}, "data", "config", r.tables.pointers, true);
      });
    }
    if (texts[0].empty()) break;
    BOOST_TEST(texts[0] == texts[1]);
    BOOST_TEST(texts[0].find("step-2.tmp/") != std::string::npos, texts[0]);
    BOOST_TEST(names_in(folder.ckpt()) == (Names{"LATEST", "step-1"}),
               boost::test_tools::per_element());
    BOOST_TEST(read(folder.ckpt() / "LATEST") == "step-1\n");
  }

  BOOST_TEST(failures > 20);
  BOOST_TEST((newest(folder.ckpt()) == "step-2"));
  BOOST_TEST(restores(folder.ckpt(), "step-2", 2));
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_made_is_an_error_on_all_ranks) {
  const Folder folder;
  write(folder.path() / "file", "");

  const auto texts = errors_of(folder.path() / "file" / "ckpt", 2, Exit::io, [](RankOfStore r) {
    r.store.save("step-1", {}, "data", "config", r.tables.pointers, true);
  });

  for (const std::string& text : texts) BOOST_TEST(text.find("rank 0: ") == 0u, text);
}

BOOST_AUTO_TEST_CASE(all_ranks_throw_the_error_of_the_lowest_that_failed) {
  std::vector<std::string> texts(4), hints(4);
  run_thread_ranks(4, [&](Communicator& comm) {
    const auto r = static_cast<std::size_t>(comm.rank());
    try {
      together(comm, [&] {
        if (r == 1) throw Error(Exit::io, "disk", "buy one");
        if (r == 3) throw std::runtime_error("bug");
      });
    } catch (const Error& e) {
      if (e.code() == Exit::io) texts[r] = e.what();
      hints[r] = e.hint();
    }
    together(comm, [] {});
  });

  BOOST_TEST(texts == std::vector<std::string>(4, "rank 1: disk"),
             boost::test_tools::per_element());
  BOOST_TEST(hints == std::vector<std::string>(4, "buy one"), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test
