// Final vectors for serving: plain files that numpy reads, the map to the user's own ids beside
// them, and a sample of rankings against which a server can be checked. Row i of an array is id i;
// line i + 1 of the id file, after the header, names it.
//
//   user_emb.npy item_emb.npy   float32 (users, d), (items, d)
//   user_ids.tsv item_ids.tsv   id, raw id
//   expected_topk.tsv           raw user id, rank, raw item id, score: training items left out
//   manifest.json README.txt    what this is; how to load it
#pragma once

#include <filesystem>
#include <string>

#include "comm/communicator.h"
#include "graph/io/dataset.h"
#include "graph/partition.h"
#include "kernels/device.h"
#include "trainer/evaluate/evaluator.h"

namespace chorale {

struct ExportOptions {
  std::filesystem::path to = {};  // the folder; it must not exist or be empty
  std::string model = {};         // "lightgcn"
  std::string checkpoint = {};    // its name, "best"
  std::string checkpoint_digest = {};
  std::string date = {};       // left out if empty, so that equal runs give equal bytes
  Index expected_users = 100;  // how many users expected_topk.tsv has, spread evenly over the ids
  Index k = 20;
};

// Writes the folder, which appears complete or not at all. Ranks do not show in the bytes.
//   vectors:(local rows, d) rows over `nodes`
// Collective: all ranks throw or none. Throws Error: Exit::usage if the folder is not empty,
// Exit::io, Exit::non_finite if a vector is not finite.
void export_vectors(const ExportOptions& options, Communicator& comm, Device& device,
                    const Dataset& dataset, const Partition& nodes, ConstView vectors,
                    Evaluator& evaluator);

}  // namespace chorale
