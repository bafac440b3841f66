#include "tests/support/closed_region.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>

#include "kernels/check.h"

namespace chorale::test {
namespace {

constexpr std::size_t kReserved = std::size_t{1} << 32;  // of address space, not of memory
constexpr std::size_t kPage = std::size_t{1} << 16;      // a multiple of any page size in use
constexpr std::size_t kAlignment = 64;

std::size_t rounded(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

std::size_t block_size(std::size_t bytes) {
  return rounded(std::max<std::size_t>(bytes, 1), kAlignment);
}

}  // namespace

ClosedRegion::ClosedRegion()
    : base_(static_cast<std::byte*>(mmap(nullptr, kReserved, PROT_NONE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
  require(base_ != MAP_FAILED, "closed region: no address space");
  free_[0] = kReserved;
}

ClosedRegion::~ClosedRegion() { munmap(base_, kReserved); }

void* ClosedRegion::take(std::size_t bytes) {
  const std::size_t size = block_size(bytes);
  for (auto [at, room] : free_) {
    if (room < size) continue;
    free_.erase(at);
    if (room > size) free_[at + size] = room - size;
    used_ = std::max(used_, at + size);
    return base_ + at;
  }
  throw Error(Exit::environment, "closed region: no room left");
}

void ClosedRegion::give_back(void* memory, std::size_t bytes) {
  auto at = free_.emplace(static_cast<std::byte*>(memory) - base_, block_size(bytes)).first;
  if (const auto next = std::next(at);
      next != free_.end() && at->first + at->second == next->first) {
    at->second += next->second;
    free_.erase(next);
  }
  if (at == free_.begin()) return;
  if (const auto before = std::prev(at); before->first + before->second == at->first) {
    before->second += at->second;
    free_.erase(at);
  }
}

void ClosedRegion::protect(int how) const {
  require(used_ == 0 || mprotect(base_, rounded(used_, kPage), how) == 0,
          "closed region: mprotect failed");
}

ClosedRegion::Opened::Opened(const ClosedRegion& region) : region_(region) {
  region.protect(PROT_READ | PROT_WRITE);
}

ClosedRegion::Opened::~Opened() { region_.protect(PROT_NONE); }

}  // namespace chorale::test
