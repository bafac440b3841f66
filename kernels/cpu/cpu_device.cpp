#include "kernels/cpu/cpu_device.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/check.h"

namespace chorale {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

void* CpuDevice::allocate(std::size_t bytes) {
  const bool is_large = bytes >= kHugePage;
  void* memory = nullptr;
  if (posix_memalign(&memory, is_large ? kHugePage : kCacheLine, std::max(bytes, kCacheLine)) !=
      0) {
    throw Error(
        Exit::environment,
        fmt::format("out of memory: asked for {:.1f} MiB, with {:.1f} MiB in use by this rank",
                    mebibytes(bytes), mebibytes(bytes_in_use())),
        "use more ranks on more hosts, a smaller batch or fewer columns");
  }
  // Whole pages only, so that the advice never reaches a neighbour's memory. That the system has no
  // huge pages is no error.
  if (is_large) madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
  count_allocation(bytes);
  return memory;
}

void CpuDevice::release(void* memory, std::size_t bytes) noexcept {
  std::free(memory);
  count_release(bytes);
}

void CpuDevice::upload(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void CpuDevice::download(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void CpuDevice::copy(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

}  // namespace chorale
