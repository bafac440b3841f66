// Checkpoints that nothing happened to: what is saved comes back, on any number of ranks and lanes,
// and only into tables that it fits.
#include "trainer/checkpoint/checkpoint.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/trainer/checkpoint_helpers.h"
#include "trainer/checkpoint/manifest.h"

namespace chorale::test {
namespace {

using Names = std::vector<std::string>;

// Restores "step-1" into tables made by `make` and returns the error's text; empty if there was
// none.
std::string mismatch(const fs::path& ckpt, const std::function<Tables(Communicator&)>& make,
                     const std::string& data = "data", const std::string& config = "config") {
  std::string text;
  run_thread_ranks(1, [&](Communicator& comm) {
    Tables tables = make(comm);
    tables.set(9);
    CheckpointStore store(ckpt, comm);
    try {
      store.restore("step-1", tables.pointers, false, data, config);
    } catch (const Error& e) {
      if (e.code() == Exit::checkpoint && tables.hold(9)) text = e.what();
    }
  });
  return text;
}

bool names_both(const std::string& text, const std::string& one, const std::string& other) {
  return text.find(one) != std::string::npos && text.find(other) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoints)

BOOST_AUTO_TEST_CASE(any_rank_count_restores_what_any_other_saved_bit_for_bit) {
  Digest digests[5];
  for (int a = 1; a <= 4; ++a) {
    const Folder folder;
    digests[a] = save(folder.ckpt(), "step-1", 1, a, 5);
    for (int b = 1; b <= 4; ++b) {
      BOOST_TEST(restores(folder.ckpt(), "step-1", 1, b, 5), a << " ranks to " << b);
    }
  }
  for (int a = 2; a <= 4; ++a)
    BOOST_TEST((digests[a] == digests[1]), "digest of " << a << " ranks");
}

BOOST_AUTO_TEST_CASE(any_lane_count_restores_what_any_other_saved_bit_for_bit) {
  for (const int lanes : {1, 3, 5, 40}) {  // 40: more lanes than rows
    const Folder folder;
    save(folder.ckpt(), "step-1", 1, 1, lanes);
    for (const auto& [ranks, other] : {std::pair{1, 1}, {3, 3}, {2, 8}, {4, 31}}) {
      BOOST_TEST(restores(folder.ckpt(), "step-1", 1, ranks, other),
                 lanes << " lanes to " << other);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_digest_is_that_of_the_contents) {
  const Folder folder;

  const Digest one = save(folder.ckpt(), "step-1", 1), again = save(folder.ckpt(), "step-2", 1);
  const Digest two = save(folder.ckpt(), "step-3", 2);

  BOOST_TEST((one == again));
  BOOST_TEST((one != two));
  BOOST_TEST((verify_checkpoint(folder.ckpt() / "step-1") == one));
  BOOST_TEST((verify_checkpoint(resolve_checkpoint(folder.path())) == two));
}

BOOST_AUTO_TEST_CASE(progress_comes_back_exactly) {
  const Folder folder;
  const Progress saved{
      1234567890123,
      42,
      {{"third", 1.0 / 3}, {"best", -std::numeric_limits<double>::infinity()}, {"a b", 0}}};

  Progress restored;
  on_ranks(folder.ckpt(), 1, 2, [&](RankOfStore r) {
    r.store.save("best", saved, "data", "config", r.tables.pointers, false);
    restored = r.store.restore("best", r.tables.pointers, false, "data", "config");
  });

  BOOST_TEST(restored.step == saved.step);
  BOOST_TEST(restored.epoch == saved.epoch);
  BOOST_TEST((restored.numbers == saved.numbers));
}

BOOST_AUTO_TEST_CASE(values_alone_can_be_restored_whatever_the_optimizer) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1);

  run_thread_ranks(1, [&](Communicator& comm) {
    Tables tables(comm, 5, "rowwise_adagrad");
    tables.set(2);
    CheckpointStore store(folder.ckpt(), comm);
    store.restore("step-1", tables.pointers, true, "data", "");

    BOOST_TEST(tables.hold(1, true));
    const Real state = tables[0].state(0)(3, 0), kept = content(2, 0, 1, 3, 0);
    BOOST_TEST(std::memcmp(&state, &kept, sizeof(Real)) == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_does_not_fit_names_both_sides_and_changes_nothing) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1);
  const auto fitting = [](Communicator& c) { return Tables(c, 5); };
  const auto check = [&](const std::string& text, const std::string& one,
                         const std::string& other) {
    BOOST_TEST(names_both(text, one, other), "found: " << text);
  };

  check(mismatch(folder.ckpt(), fitting, "other"), "dataset data", "this run has other");
  check(mismatch(folder.ckpt(), fitting, "data", "other"), "configuration config",
        "this run has other");
  check(mismatch(folder.ckpt(), [](Communicator& c) { return Tables(c, 5, "adam", 4); }), "23 x 3",
        "23 x 4");
  check(mismatch(folder.ckpt(), [](Communicator& c) { return Tables(c, 5, "adagrad"); }),
        "m (3) v (3)", "squares (3)");
  check(mismatch(folder.ckpt(), [](Communicator& c) { return Tables(c, 5, "sgd"); }), "m (3) v (3)",
        "none");
  check(mismatch(folder.ckpt(),
                 [](Communicator& c) {
                   Tables t(c, 5);
                   t.pointers.pop_back();
                   return t;
                 }),
        "m.ego m.side m.w", "this run has m.ego m.side");
  BOOST_TEST(mismatch(folder.ckpt(), fitting).empty());
}

BOOST_AUTO_TEST_CASE(values_of_the_other_precision_are_refused) {
  const Folder folder;
  save(folder.ckpt(), "step-1", 1, 1, 1);
  const fs::path file = folder.ckpt() / "step-1";
  CheckpointManifest m = read_checkpoint_manifest(file);
  const bool is_double = m.element() == v1::CHECKPOINT_ELEMENT_F64;
  m.set_element(is_double ? v1::CHECKPOINT_ELEMENT_F32 : v1::CHECKPOINT_ELEMENT_F64);
  for (CheckpointBlock& b : *m.mutable_blocks())
    b.set_bytes(is_double ? b.bytes() / 2 : b.bytes() * 2);
  write_checkpoint_manifest(file, m);

  const std::string text = mismatch(folder.ckpt(), [](Communicator& c) { return Tables(c, 5); });

  BOOST_TEST(names_both(text, "F32", "F64"), "found: " << text);
}

BOOST_AUTO_TEST_CASE(a_name_that_is_taken_is_replaced) {
  const Folder folder;
  save(folder.ckpt(), "best", 1);
  save(folder.ckpt(), "best", 2, 3, 7);

  BOOST_TEST(names_in(folder.ckpt()) == (Names{"LATEST", "best"}),
             boost::test_tools::per_element());
  BOOST_TEST(restores(folder.ckpt(), "best", 2));
}

BOOST_AUTO_TEST_CASE(names_that_could_leave_the_folder_are_refused) {
  const Folder folder;
  for (const std::string name : {"", ".", "..", "a/b", "../a", "a b", "LATEST", "a.tmp", "a.old"}) {
    on_ranks(folder.ckpt(), 1, 1, [&](RankOfStore r) {
      BOOST_CHECK_EXCEPTION(r.store.save(name, {}, "", "", r.tables.pointers, true), Error,
                            [](const Error& e) { return e.code() == Exit::usage; });
    });
  }
  BOOST_TEST(!fs::exists(folder.ckpt()));
}

BOOST_AUTO_TEST_CASE(prune_keeps_the_newest_the_latest_and_all_that_is_no_step) {
  const Folder folder;
  for (const char* name : {"step-9", "step-00000100", "step-20", "best", "step-3"}) {
    save(folder.ckpt(), name, 1, 1);
  }

  on_ranks(folder.ckpt(), 2, 5, [](RankOfStore r) { r.store.prune(1); });

  // step-3 is the oldest, but LATEST names it.
  BOOST_TEST(names_in(folder.ckpt()) == (Names{"LATEST", "best", "step-00000100", "step-3"}),
             boost::test_tools::per_element());
  on_ranks(folder.ckpt(), 2, 5, [](RankOfStore r) { r.store.prune(5); });
  BOOST_TEST(names_in(folder.ckpt()).size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_run_lists_its_checkpoints_by_step) {
  const Folder folder;
  save(folder.ckpt(), "step-20", 2);
  save(folder.ckpt(), "step-10", 1);
  save(folder.ckpt(), "best", 1);

  const std::vector<CheckpointInfo> found = list_checkpoints(folder.path());

  BOOST_TEST(found.size() == 3u);
  BOOST_TEST(found[0].name == "best");
  BOOST_TEST(found[1].name == "step-10");
  BOOST_TEST(found[2].name == "step-20");
  const CheckpointInfo& info = found[2];
  BOOST_TEST(info.progress.step == 20);
  BOOST_TEST(info.progress.numbers.at("best") == 0.2);
  BOOST_TEST(info.dataset_digest == "data");
  BOOST_TEST(info.bytes ==
             static_cast<Index>((23 + 7 + 4) * 3 * 3 * sizeof(Real)));  // values, m, v
  BOOST_TEST(info.tables.size() == 3u);
  BOOST_TEST(info.tables[0].name == "m.ego");
  BOOST_TEST(info.tables[0].rows == 23);
  BOOST_TEST(info.tables[0].state == (Names{"m", "v"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_checkpoint_is_found_by_run_by_folder_and_by_its_own_path) {
  const Folder folder;
  BOOST_CHECK_THROW(resolve_checkpoint(folder.path()), Error);
  save(folder.ckpt(), "step-20", 2);

  const fs::path expected = folder.ckpt() / "step-20";
  BOOST_TEST(resolve_checkpoint(folder.path()) == expected);
  BOOST_TEST(resolve_checkpoint(folder.ckpt()) == expected);
  BOOST_TEST(resolve_checkpoint(expected) == expected);
  BOOST_TEST(read_checkpoint_info(expected / "").name == "step-20");
}

BOOST_AUTO_TEST_CASE(a_run_without_tables_can_be_saved_too) {
  const Folder folder;

  std::vector<Table*> none;
  on_ranks(folder.ckpt(), 2, 2, [&](RankOfStore r) {
    r.store.save("step-1", {5, 1, {}}, "data", "config", none, true);
    r.store.restore("step-1", none, false, "data", "config");
  });

  BOOST_TEST(read_checkpoint_info(folder.ckpt() / "step-1").progress.step == 5);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test
