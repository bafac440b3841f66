// Data sets with a knowledge graph: one to verify on paper, and one with communities.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graph/io/dataset.h"
#include "graph/io/generators.h"
#include "graph/io/manifest.h"
#include "graph/io/prepare.h"
#include "kernels/random.h"
#include "tests/support/temporary_folder.h"

namespace chorale {

// The bytes of a .npy file, version 1, of floats: the shape must fit.
inline std::string npy_bytes(Index rows, Index cols, const std::vector<float>& values) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, cols);
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  bytes += header;
  return bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

// Users 0-2, items 0-2, entities 3-5 beyond them, relations 0 and 1. Seven facts: of 1 0 3 there
// are two lines, 4 1 4 is a loop, 3 0 4 is between entities that are no items.
inline void write_small_kgat(const std::filesystem::path& folder) {
  write_text(folder / "train.txt", "0 0 1\n1 1 2\n2 2\n");
  write_text(folder / "test.txt", "0 2\n1 0\n2 \n");
  write_text(folder / "kg_final.txt", "0 0 3\n0 1 3\n1 0 3\n2 1 4\n3 0 4\n4 1 4\n1 0 3\n5 1 2\n");
}

// The same, prepared into two lanes and opened.
struct SmallKnowledge {
  TemporaryFolder folder;
  Dataset set = prepared();

 private:
  Dataset prepared() const {
    write_small_kgat(folder / "source");
    prepare({.format = "kgat", .source = folder / "source", .out = folder / "out", .lanes = 2});
    return Dataset::open(folder / "out");
  }
};

// 149 users, 83 items, 41 other entities, 3 relations and features of both sides.
struct PlantedKnowledge {
  TemporaryFolder folder;
  PrepareOptions options;

  explicit PlantedKnowledge(int lanes) {
    options.format = "kgat";
    options.source = folder / "source";
    options.out = folder / "out";
    options.lanes = lanes;
    write_planted_communities({.users = 149, .items = 83, .communities = 5, .items_per_user = 11},
                              options.source);
    std::string facts;
    for (Index f = 0; f < 500; ++f) {
      const RandomBits b = random_bits({Purpose::test, 17}, 0, static_cast<std::uint64_t>(f));
      facts += fmt::format("{} {} {}\n", f < 124 ? f : b.word[0] % 124, f < 3 ? f : b.word[1] % 3,
                           b.word[2] % 124);
    }
    write_text(options.source / "kg_final.txt", facts);
    options.features = {feature("image", Features::Side::item, 83, 3),
                        feature("profile", Features::Side::user, 149, 2)};
    prepare(options);
  }
  // Value 10 id + column.
  FeatureSource feature(const std::string& name, Features::Side side, Index rows,
                        Index cols) const {
    std::vector<float> values;
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < cols; ++j) values.push_back(static_cast<float>(10 * i + j));
    }
    write_text(folder / (name + ".npy"), npy_bytes(rows, cols, values));
    return {name, side, folder / (name + ".npy")};
  }
  Dataset open() const { return Dataset::open(options.out); }
};

}  // namespace chorale
