// Rank 0 writes; it pulls the vectors in id order, some thousand rows at a time, whoever owns them.
#include "trainer/export/export.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "graph/io/file.h"
#include "graph/io/npy_writer.h"
#include "graph/row_exchange.h"
#include "kernels/arena.h"
#include "kernels/check.h"
#include "trainer/checkpoint/together.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

constexpr Index kRowsAtATime = 16384;

// Runs `work` on rank 0; what it throws is thrown on all ranks. Collective.
void on_first_rank(Communicator& host, const std::function<void()>& work) {
  together(host, [&] {
    if (host.rank() == 0) work();
  });
}

// A folder under another name until it is complete; removed if that never happens.
class Unfinished {
 public:
  explicit Unfinished(const fs::path& to) : to_(fs::absolute(to).lexically_normal()) {
    if (!to_.has_filename()) to_ = to_.parent_path();
    require_user(!fs::exists(to_) || (fs::is_directory(to_) && fs::is_empty(to_)), Exit::usage,
                 "name another folder, or remove this one",
                 "{}: found a folder with files in it, expected none", to_.string());
    fs::create_directories(to_.parent_path());
    fs::remove_all(folder());
    fs::create_directory(folder());
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    std::error_code ignored;
    if (!is_finished_) fs::remove_all(folder(), ignored);
  }

  fs::path folder() const { return to_.string() + ".tmp"; }
  void finish() {
    sync_folder(folder());
    fs::rename(folder(), to_);
    is_finished_ = true;
    sync_folder(to_.parent_path());
  }

 private:
  fs::path to_;
  bool is_finished_ = false;
};

std::vector<float> finite_floats(const std::vector<Real>& values, const fs::path& path) {
  require_user(std::all_of(values.begin(), values.end(), [](Real x) { return std::isfinite(x); }),
               Exit::non_finite, "export another checkpoint: chorale ckpt ls RUN",
               "{}: a vector holds NaN or infinity", path.string());
  return {values.begin(), values.end()};
}

// Where the vectors come from.
struct Source {
  Communicator& comm;
  Device& device;
  const Partition& nodes;
  ConstView vectors;
};

// The vectors of `count` ids as one array; row_of gives an id's row. Collective; `path` is used on
// rank 0.
template <class RowOf>
void write_vectors(const Source& s, const fs::path& path, Index count, const RowOf& row_of) {
  std::optional<NpyWriter> file;
  on_first_rank(s.comm.host(), [&] { file.emplace(path, count, s.vectors.cols); });
  Arena arena(s.device);
  for (Index first = 0; first < count; first += kRowsAtATime) {
    std::vector<Index> wanted;  // rank 0 wants all, the others nothing
    for (Index id = first; file && id < std::min(first + kRowsAtATime, count); ++id)
      wanted.push_back(row_of(id));
    const RowExchange exchange(s.device, s.comm, s.nodes, wanted);
    const Array<Real> rows(s.device, exchange.wanted() * s.vectors.cols);
    exchange.pull(arena, s.vectors, {rows.data(), exchange.wanted(), s.vectors.cols});
    on_first_rank(s.comm.host(), [&] { file->append(finite_floats(rows.download(), path)); });
    arena.reset();
  }
  on_first_rank(s.comm.host(), [&] { file->finish(); });
}

template <class NameOf>
void write_ids(const fs::path& path, Index count, const NameOf& name_of) {
  std::string text = "id\traw_id\n";
  for (Index id = 0; id < count; ++id) text += fmt::format("{}\t{}\n", id, name_of(id));
  write_file(path, text);
}

std::vector<Index> spread_users(Index users, Index wanted) {
  const Index n = std::min(users, wanted);
  std::vector<Index> chosen;
  for (Index i = 0; i < n; ++i) chosen.push_back(users * i / n);
  return chosen;
}

void write_expected(const fs::path& path, const Dataset& dataset, const std::vector<Index>& users,
                    const std::vector<std::vector<Recommendation>>& lists) {
  std::string text = "user\trank\titem\tscore\n";
  for (std::size_t i = 0; i < users.size(); ++i) {
    const std::string user = dataset.user_name(users[i]);
    for (std::size_t r = 0; r < lists[i].size(); ++r) {
      text += fmt::format("{}\t{}\t{}\t{:.9g}\n", user, r + 1, dataset.item_name(lists[i][r].item),
                          lists[i][r].score);
    }
  }
  write_file(path, text);
}

void write_manifest(const fs::path& path, const ExportOptions& o, const Dataset& dataset,
                    Index dim) {
  nlohmann::ordered_json manifest = {{"format", "chorale-export"},
                                     {"format_version", 1},
                                     {"model", o.model},
                                     {"metric", "inner product"},
                                     {"users", dataset.users()},
                                     {"items", dataset.items()},
                                     {"dim", dim},
                                     {"dtype", "float32"},
                                     {"dataset_digest", dataset.digest()},
                                     {"checkpoint", o.checkpoint},
                                     {"checkpoint_digest", o.checkpoint_digest}};
  if (!o.date.empty()) manifest["date"] = o.date;
  write_file(path, manifest.dump(2) + "\n");
}

constexpr std::string_view kReadme =
    R"(Vectors of users and items, exported by Chorale. manifest.json says which model and data they come from.

The score of a user and an item is the inner product of their vectors; higher is better, equal scores rank by
item id. Row i of user_emb.npy belongs to line i of user_ids.tsv, counted from 0 after the header; items likewise.

Load and rank, in Python:

  import numpy as np
  users, items = np.load("user_emb.npy"), np.load("item_emb.npy")
  names = [line.rstrip("\n").split("\t")[1] for line in open("item_ids.tsv", encoding="utf-8")][1:]
  best = np.argsort(-(items @ users[0]), kind="stable")[:10]
  print([names[i] for i in best])

The list may hold items that the user already had. expected_topk.tsv leaves these out. To check a server: for each
of its lines the inner product of the two vectors is `score`, to about six digits, and within a user no
item outside the user's history and outside the list scores higher than the last line.
)";

}  // namespace

void export_vectors(const ExportOptions& options, Communicator& comm, Device& device,
                    const Dataset& dataset, const Partition& nodes, ConstView vectors,
                    Evaluator& evaluator) {
  Communicator& host = comm.host();
  std::optional<Unfinished> target;  // on rank 0
  on_first_rank(host, [&] { target.emplace(options.to); });
  const auto file = [&](const char* name) {
    return target ? target->folder() / name : fs::path(name);
  };

  const Source source{comm, device, nodes, vectors};
  write_vectors(source, file("user_emb.npy"), dataset.users(),
                [&](Index u) { return dataset.row_of_user(u); });
  write_vectors(source, file("item_emb.npy"), dataset.items(),
                [&](Index i) { return dataset.row_of_item(i); });
  const std::vector<Index> sample = spread_users(dataset.users(), options.expected_users);
  const auto lists = evaluator.recommend(vectors, sample, options.k, true);

  on_first_rank(host, [&] {
    write_ids(file("user_ids.tsv"), dataset.users(), [&](Index u) { return dataset.user_name(u); });
    write_ids(file("item_ids.tsv"), dataset.items(), [&](Index i) { return dataset.item_name(i); });
    write_expected(file("expected_topk.tsv"), dataset, sample, lists);
    write_manifest(file("manifest.json"), options, dataset, vectors.cols);
    write_file(file("README.txt"), kReadme);
    target->finish();
  });
}

}  // namespace chorale
