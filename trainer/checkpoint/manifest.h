// The manifest of a checkpoint folder: reading, writing, and proving the folder against it.
//
// Invariant: a manifest that `read_checkpoint_manifest` returned is canonical. Its blocks are
// exactly (table, column, lane) in that order, without gaps, of the sizes that follow from the
// tables, in files whose names follow from the lane; no name in it can point outside the folder.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/checkpoint.pb.h"
#include "graph/io/lane_file.h"

namespace chorale {

using v1::CheckpointBlock;
using v1::CheckpointManifest;

inline constexpr std::uint32_t kCheckpointFormat = 1;
inline constexpr std::string_view kValueColumn = "value";

// [A-Za-z0-9._-]{1,128}, not beginning with a dot.
bool is_safe_name(std::string_view name);

std::string block_file(bool replicated, int lane);  // "lane-00012.bin", "replicated.bin"
std::string section_name(std::string_view table, std::string_view column);
v1::CheckpointElement element_of_this_build();

// Puts blocks that came in any order into the canonical one.
void arrange_blocks(CheckpointManifest& manifest);

// Writes manifest.pb and manifest.xxh128, synced. Throws Error (Exit::io).
void write_checkpoint_manifest(const std::filesystem::path& folder,
                               const CheckpointManifest& manifest);

// Throws Error (Exit::checkpoint) naming folder and cause if the manifest is missing, damaged, of
// another format or not canonical.
CheckpointManifest read_checkpoint_manifest(const std::filesystem::path& folder);

// The blocks of each file.
std::map<std::string, std::vector<const CheckpointBlock*>> blocks_by_file(
    const CheckpointManifest& manifest);

// Opens one file, having compared every byte with its digests and every section with the manifest.
// Throws Error (Exit::checkpoint).
LaneFile open_verified(const std::filesystem::path& folder, const CheckpointManifest& manifest,
                       const std::string& file, const std::vector<const CheckpointBlock*>& blocks);

// Verifies the files whose position is `share` modulo `shares`. Throws Error (Exit::checkpoint).
void verify_files(const std::filesystem::path& folder, const CheckpointManifest& manifest,
                  int share, int shares);

// Over (table, column, lane, digest of the block), in that order: the same whatever the number of
// ranks.
Digest digest_of_blocks(const CheckpointManifest& manifest);

}  // namespace chorale
