// Renames followed by a sync of the folder that holds the name.
#include "trainer/checkpoint/durable.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "graph/io/file.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kReplaced = ".old";

fs::path parent_of(const fs::path& path) {
  const fs::path parent = fs::absolute(path).lexically_normal().parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

void require_done(bool done, const fs::path& from, const fs::path& to) {
  const int error = errno;
  require_user(done, Exit::io, "check free space and permissions", "{}: cannot become {}: {}",
               from.string(), to.string(), std::strerror(error));
}

// False where the kernel or the file system has no exchange.
bool exchange(const fs::path& a, const fs::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return true;
  require_done(errno == EINVAL || errno == ENOSYS || errno == ENOTSUP, a, b);
  return false;
}

}  // namespace

void rename_durably(const fs::path& from, const fs::path& to) {
  require_done(::rename(from.c_str(), to.c_str()) == 0, from, to);
  sync_folder(parent_of(to));
}

void replace_file_durably(const fs::path& path, std::string_view text) {
  fs::path staged = path;
  staged += ".tmp";
  write_file(staged, text);
  rename_durably(staged, path);
}

void replace_folder_durably(const fs::path& from, const fs::path& to) {
  if (!fs::exists(to)) return rename_durably(from, to);
  if (exchange(from, to)) {
    sync_folder(parent_of(to));
    fs::remove_all(from);
    return;
  }
  fs::path replaced = to;
  replaced += kReplaced;
  rename_durably(to, replaced);
  rename_durably(from, to);
  fs::remove_all(replaced);
}

void recover_replaced(const fs::path& folder) {
  if (!fs::exists(folder)) return;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && entry.path().extension() == kReplaced)
      found.push_back(entry.path());
  }
  for (const fs::path& replaced : found) {
    fs::path name = replaced;
    name.replace_extension();
    if (fs::exists(name)) {
      fs::remove_all(replaced);
    } else {
      rename_durably(replaced, name);
    }
  }
}

void create_folder_durably(const fs::path& folder) {
  if (!fs::create_directories(folder)) return;
  sync_folder(parent_of(folder));
}

}  // namespace chorale
