// Small tables with known contents, saved and restored by ranks that are threads.
#pragma once

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "comm/thread_communicator.h"
#include "kernels/random.h"
#include "trainer/checkpoint/checkpoint.h"

namespace chorale::test {

namespace fs = std::filesystem;

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "chorale-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "no temporary folder");
    path_ = name;
  }
  Folder(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }
  fs::path ckpt() const { return path_ / "ckpt"; }

 private:
  fs::path path_;
};

// What element (row, j) of a column of a table holds in contents number `salt`: ordinary numbers,
// and now and then one that only a copy of the bits preserves.
inline Real content(int salt, std::size_t table, std::size_t column, Index row, Index j) {
  const Real special[] = {-Real(0), std::numeric_limits<Real>::denorm_min(),
                          std::numeric_limits<Real>::max(), std::numeric_limits<Real>::lowest()};
  const auto stream = static_cast<std::uint64_t>(salt) * 100 + table * 10 + column;
  const RandomBits b =
      random_bits({Purpose::test, 3}, stream, static_cast<std::uint64_t>(1000 * row + j));
  if (b.word[1] % 17 == 0) return special[b.word[1] / 17 % 4];
  return static_cast<Real>(b.word[0]) * Real(0x1p-31) - Real(1);
}

// One rank's tables: two over the rows of partitions of their own, one replicated.
class Tables {
 public:
  Tables(Communicator& comm, int lanes, const std::string& optimizer = "adam", Index cols = 3) {
    const Lanes l = make_lanes(lanes, comm.size(), comm.rank());
    const auto state = make_optimizer(optimizer, Options({}))->state(cols);
    add_rows("m.ego", Partition::uniform(23, l), cols);
    std::vector<Index> boundaries(static_cast<std::size_t>(lanes) + 1,
                                  7);  // all rows in the first lane
    boundaries[0] = 0;
    add_rows("m.side", Partition(l, boundaries), cols);
    tables_.push_back(std::make_unique<Table>(*device, "m.w", l, 4, cols, constant_values(0)));
    for (const auto& t : tables_) t->allocate_state(state);
    for (const auto& t : tables_) pointers.push_back(t.get());
  }

  void set(int salt) {
    each([&](std::size_t t, std::size_t c, Index row, Index j, Real& x) {
      x = content(salt, t, c, row, j);
    });
  }
  // Whether the values and (unless `values_only`) the state are these contents, bit for bit.
  bool hold(int salt, bool values_only = false) {
    bool same = true;
    each([&](std::size_t t, std::size_t c, Index row, Index j, const Real& x) {
      const Real expected = content(salt, t, c, row, j);
      same = same && ((values_only && c > 0) || std::memcmp(&x, &expected, sizeof(Real)) == 0);
    });
    return same;
  }
  Table& operator[](std::size_t t) { return *tables_[t]; }

  std::unique_ptr<Device> device = make_device({});
  std::vector<Table*> pointers;

 private:
  void add_rows(const std::string& name, const Partition& p, Index cols) {
    std::vector<Index> nodes(static_cast<std::size_t>(p.local_rows()));
    std::iota(nodes.begin(), nodes.end(), p.first());
    tables_.push_back(std::make_unique<Table>(*device, name, p, cols, nodes, constant_values(0)));
  }
  // Visits every element of every column; column 0 is the values. (CPU memory is host memory.)
  template <class Visit>
  void each(const Visit& visit) {
    for (std::size_t t = 0; t < tables_.size(); ++t) {
      Table& table = *tables_[t];
      const Index first = table.layout() == Layout::rows ? table.partition().first() : 0;
      for (std::size_t c = 0; c <= table.state_columns().size(); ++c) {
        const View v = c == 0 ? table.values() : table.state(c - 1);
        for (Index i = 0; i < v.rows; ++i) {
          for (Index j = 0; j < v.cols; ++j) visit(t, c, first + i, j, v(i, j));
        }
      }
    }
  }
  std::vector<std::unique_ptr<Table>> tables_;
};

struct RankOfStore {
  Communicator& comm;
  Tables& tables;
  CheckpointStore& store;
};

inline void on_ranks(const fs::path& ckpt, int ranks, int lanes,
                     const std::function<void(RankOfStore)>& body) {
  run_thread_ranks(ranks, [&](Communicator& comm) {
    Tables tables(comm, lanes);
    CheckpointStore store(ckpt, comm);
    body({comm, tables, store});
  });
}

// Saves contents number `salt` under this name and as LATEST, and gives the digest.
inline Digest save(const fs::path& ckpt, const std::string& name, int salt, int ranks = 2,
                   int lanes = 5) {
  Digest digest;
  on_ranks(ckpt, ranks, lanes, [&](RankOfStore r) {
    r.tables.set(salt);
    const Progress progress{10 * salt, salt, {{"best", 0.1 * salt}}};
    const Digest mine = r.store.save(name, progress, "data", "config", r.tables.pointers, true);
    if (r.comm.rank() == 0) digest = mine;
  });
  return digest;
}

inline std::optional<std::string> newest(const fs::path& ckpt, int ranks = 2) {
  std::optional<std::string> name;
  on_ranks(ckpt, ranks, 5, [&](RankOfStore r) {
    const auto mine = r.store.newest();
    if (r.comm.rank() == 0) name = mine;
  });
  return name;
}

// Whether restoring gives contents number `salt`.
inline bool restores(const fs::path& ckpt, const std::string& name, int salt, int ranks = 2,
                     int lanes = 5) {
  std::vector<char> same(static_cast<std::size_t>(ranks));
  on_ranks(ckpt, ranks, lanes, [&](RankOfStore r) {
    r.store.restore(name, r.tables.pointers, false, "data", "config");
    same[static_cast<std::size_t>(r.comm.rank())] = r.tables.hold(salt);
  });
  return std::find(same.begin(), same.end(), 0) == same.end();
}

inline std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// The names in a folder, ascending.
inline std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace chorale::test
