// The folder that holds a run's checkpoints: which names there are, and which one is the latest.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chorale {

// What LATEST says; nullopt if there is no such file. Throws Error (Exit::checkpoint) if it holds
// anything but a checkpoint's name.
std::optional<std::string> latest_name(const std::filesystem::path& folder);
void set_latest(const std::filesystem::path& folder, const std::string& name);  // durably

// The "step-<digits>" folders by ascending number.
std::vector<std::string> step_names(const std::filesystem::path& folder);

// All folders that are checkpoints by name; nothing that a save has not committed.
std::vector<std::string> checkpoint_names(const std::filesystem::path& folder);

// Removes what killed saves left behind (NAME.tmp). Names and files of others stay.
void remove_unfinished(const std::filesystem::path& folder);

// A name that a checkpoint may have: safe, and none of the endings used on the way.
bool is_checkpoint_name(const std::string& name);

}  // namespace chorale
