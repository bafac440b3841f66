// Random interactions prepared into a folder that goes away with the object, and vectors for their
// nodes that are functions of the node alone: the same on any number of ranks.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "graph/io/dataset.h"
#include "graph/io/prepare.h"
#include "kernels/array.h"
#include "kernels/random.h"

namespace chorale {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    const std::string pattern =
        (std::filesystem::temp_directory_path() / "chorale-test-XXXXXX").string();
    std::vector<char> name(pattern.c_str(), pattern.c_str() + pattern.size() + 1);
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class RandomDataset {
 public:
  // About a tenth of all pairs in train, a twelfth in test; every seventh user has no test item.
  // With `others` there is a knowledge graph of the items and so many entities more.
  RandomDataset(Index users, Index items, int lanes, double density = 0.1, Index others = 0)
      : train(static_cast<std::size_t>(users)), test(static_cast<std::size_t>(users)) {
    for (Index u = 0; u < users; ++u) {
      const auto row = static_cast<std::size_t>(u);
      for (Index i = 0; i < items; ++i) {
        const double x = random_uniform({Purpose::test, 11}, static_cast<std::uint64_t>(u),
                                        static_cast<std::uint64_t>(i));
        if (x < density || i == (u * 13) % items || (u == 0 && i == items - 1)) {
          train[row].insert(i);
        } else if (x > 1 - density && u % 7 != 0) {
          test[row].insert(i);
        }
      }
    }
    write("train.txt", train);
    write("test.txt", test);
    for (Index o = 0; o < others; ++o) {
      std::ofstream(folder_.path() / "kg_final.txt", std::ios::app)
          << items + o << " 0 " << o % items << '\n';
    }
    prepare({.format = others > 0 ? "kgat" : "lightgcn",
             .source = folder_.path(),
             .out = folder_.path() / "data",
             .lanes = lanes});
  }

  Dataset open() const { return Dataset::open(folder_.path() / "data"); }
  const std::filesystem::path& folder() const { return folder_.path(); }

  std::vector<std::set<Index>> train, test;  // item ids of each user

 private:
  void write(const char* name, const std::vector<std::set<Index>>& lists) const {
    std::ofstream file(folder_.path() / name);
    for (std::size_t u = 0; u < lists.size(); ++u) {
      file << u;
      if (lists[u].empty()) file << ' ';
      for (const Index i : lists[u]) file << ' ' << i;
      file << '\n';
    }
  }

  TemporaryFolder folder_;
};

// What a node's vector holds: value(node, column).
using NodeValue = std::function<Real(Index, Index)>;

// A rank's rows of the vectors.
inline Array<Real> local_vectors(Device& device, const Dataset& dataset, const Partition& nodes,
                                 Index d, const NodeValue& value) {
  std::vector<Real> values;
  for (Index row = nodes.first(); row < nodes.last(); ++row) {
    for (Index j = 0; j < d; ++j) values.push_back(value(dataset.node_of_row(row), j));
  }
  return Array<Real>(device, values);
}

}  // namespace chorale
