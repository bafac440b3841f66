// See simt.h. Boost.Context switches between threads; a block's threads are resumed in turn, each
// until it waits or ends, and a wait ends when all that must come have come.
#include "simt.h"

#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "kernels/check.h"

thread_local EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;

namespace chorale::cuda {
namespace {

constexpr int kWarp = 32;

enum class State { ready, at_warp, at_block, ended };

// See copy_async().
struct Copy {
  void* to;
  const void* from;
  int bytes, valid;
  int group;
};

struct Fiber {
  boost::context::fiber context;
  State state = State::ready;
  int turn = 0;              // which of its warp's two rows of slots its next exchange uses
  std::vector<Copy> copies;  // that nobody has waited for
  int groups = 0;            // of copies, closed
};

// A warp's mail: two rows, so that one wait an exchange is enough. Nobody can be two exchanges
// ahead.
struct Mail {
  std::uint64_t slot[2][kWarp];
};

struct Block {
  std::vector<Fiber> threads;
  std::vector<Mail> mail;
  boost::context::fiber scheduler;
  int current = 0;
};

struct Registry {
  std::mutex guard;
  std::map<const void*, Signature> signatures;
} registry;

thread_local boost::context::pooled_fixedsize_stack stacks{128 << 10};
thread_local Block* block = nullptr;
thread_local Order order = Order::ascending;
thread_local std::vector<unsigned char> shared;

void pause(State state) {
  Fiber& me = block->threads[static_cast<std::size_t>(block->current)];
  me.state = state;
  block->scheduler = std::move(block->scheduler).resume();
}

int in_order(int i, int n) { return order == Order::ascending ? i : n - 1 - i; }

// Wakes those of [first, last) if all wait at `state`. Somebody who has ended while others wait
// will never come.
bool release(Block& b, int first, int last, State state) {
  int waiting = 0, ended = 0;
  for (int t = first; t < last; ++t) {
    waiting += b.threads[static_cast<std::size_t>(t)].state == state;
    ended += b.threads[static_cast<std::size_t>(t)].state == State::ended;
  }
  require(waiting == 0 || ended == 0,
          "emulated kernel: {} threads wait for {} that have ended, block {} threads {} to {}",
          waiting, ended, blockIdx.x, first, last);
  if (waiting == 0 || waiting != last - first) return false;
  for (int t = first; t < last; ++t) b.threads[static_cast<std::size_t>(t)].state = State::ready;
  return true;
}

// Runs every thread of a warp that can run; false if none could.
bool turn_of_warp(Block& b, int first) {
  bool moved = false;
  for (int i = 0; i < kWarp; ++i) {
    b.current = first + in_order(i, kWarp);
    Fiber& f = b.threads[static_cast<std::size_t>(b.current)];
    if (f.state != State::ready) continue;
    threadIdx.x = static_cast<unsigned>(b.current);
    f.context = std::move(f.context).resume();
    moved = true;
  }
  return moved;
}

// Each warp in turn runs until the block holds it up; false if none could. Nothing but a barrier
// keeps warps together: where one is missing, a warp overtakes the others by all it can.
bool turn_of(Block& b) {
  const int n = static_cast<int>(b.threads.size());
  bool moved = false;
  for (int w = 0; w < n / kWarp; ++w) {
    const int first = in_order(w, n / kWarp) * kWarp;
    while (turn_of_warp(b, first) || release(b, first, first + kWarp, State::at_warp)) moved = true;
  }
  return moved;
}

void run_block(Block& b, const std::function<void()>& kernel) {
  for (Fiber& f : b.threads) {
    f.state = State::ready;
    f.turn = 0;
    f.copies.clear();
    f.groups = 0;
    f.context =
        boost::context::fiber(std::allocator_arg, stacks, [&](boost::context::fiber&& scheduler) {
          b.scheduler = std::move(scheduler);
          kernel();
          b.threads[static_cast<std::size_t>(b.current)].state = State::ended;
          return std::move(b.scheduler);
        });
  }
  while (turn_of(b) || release(b, 0, static_cast<int>(b.threads.size()), State::at_block)) {
  }
  for (const Fiber& f : b.threads) {
    require(f.state == State::ended, "emulated kernel: threads of block {} wait forever",
            blockIdx.x);
    require(f.copies.empty(), "emulated kernel: a thread of block {} ended amid a copy",
            blockIdx.x);
  }
}

void do_copy(const Copy& c) {
  std::memset(c.to, 0, static_cast<std::size_t>(c.bytes));
  std::memcpy(c.to, c.from, static_cast<std::size_t>(c.valid));
}

Fiber& this_fiber() { return block->threads[static_cast<std::size_t>(block->current)]; }

float of_bf16(std::uint32_t bits) {
  const std::uint32_t word = bits << 16;
  float value;
  std::memcpy(&value, &word, sizeof(value));
  return value;
}

std::uint32_t to_bf16(float value) {
  std::uint32_t word;
  std::memcpy(&word, &value, sizeof(word));
  if (std::isnan(value)) return 0x7fff;
  return (word + 0x7fff + ((word >> 16) & 1)) >> 16;
}

// Brings a number to the warp; everybody's, by lane, until the thread's exchange after next.
const std::uint64_t (&post(std::uint64_t mine))[kWarp] {
  const int me = block->current;
  Fiber& f = block->threads[static_cast<std::size_t>(me)];
  auto& slots = block->mail[static_cast<std::size_t>(me / kWarp)].slot[f.turn];
  f.turn ^= 1;
  slots[me % kWarp] = mine;
  wait_for_warp();
  return slots;
}

int lane() { return static_cast<int>(threadIdx.x) % kWarp; }

// Element (i, k) of the tile of which a thread holds the pairs; see native/simt.h.
float element_of_a(const std::uint32_t (&pairs)[kWarp][4], int i, int k) {
  const std::uint32_t pair = pairs[i % 8 * 4 + k % 8 / 2][i / 8 + k / 8 * 2];
  return of_bf16(k % 2 == 0 ? pair & 0xffff : pair >> 16);
}
float element_of_b(const std::uint32_t (&pairs)[kWarp][2], int k, int j) {
  const std::uint32_t pair = pairs[j * 4 + k % 8 / 2][k / 8];
  return of_bf16(k % 2 == 0 ? pair & 0xffff : pair >> 16);
}

}  // namespace

void require_aligned(const void* address, std::size_t bytes) {
  require(reinterpret_cast<std::uintptr_t>(address) % bytes == 0,
          "emulated kernel: {} bytes are accessed at once at an address that is no multiple",
          bytes);
}

void copy_async(void* to, const void* from, int bytes, int valid) {
  require_aligned(to, static_cast<std::size_t>(bytes));
  require_aligned(from, static_cast<std::size_t>(bytes));
  require(0 <= valid && valid <= bytes, "emulated kernel: {} bytes of {} are copied", valid, bytes);
  const Copy copy{to, from, bytes, valid, this_fiber().groups};
  order == Order::ascending ? do_copy(copy) : this_fiber().copies.push_back(copy);
}

void close_copies() { ++this_fiber().groups; }

void wait_for_copies(int groups) {
  Fiber& f = this_fiber();
  std::erase_if(f.copies, [&](const Copy& c) {
    if (c.group >= f.groups - groups) return false;
    do_copy(c);
    return true;
  });
}

void wait_for_copies() {
  close_copies();
  wait_for_copies(0);
}

void set_order(Order wanted) { order = wanted; }

void register_kernel(const void* kernel, Signature signature) {
  const std::lock_guard lock(registry.guard);
  registry.signatures[kernel] = signature;
}

Signature signature_of(const void* kernel) {
  const std::lock_guard lock(registry.guard);
  return registry.signatures.at(kernel);
}

void run_kernel(const void* kernel, const Shape& shape, void* const* arguments) {
  require(shape.threads > 0 && shape.threads % kWarp == 0 && shape.threads <= 1024,
          "emulated kernel: {} threads, expected whole warps, at most 1024", shape.threads);
  const Signature signature = signature_of(kernel);
  Block b;
  b.threads.resize(static_cast<std::size_t>(shape.threads));
  b.mail.resize(static_cast<std::size_t>(shape.threads / kWarp));
  block = &b;
  blockDim = {static_cast<unsigned>(shape.threads), 1};
  gridDim = {static_cast<unsigned>(shape.blocks), static_cast<unsigned>(shape.blocks_y)};
  const auto blocks = static_cast<int>(shape.blocks * shape.blocks_y);
  for (int i = 0; i < blocks; ++i) {
    const auto at = static_cast<unsigned>(in_order(i, blocks));
    blockIdx = {at % gridDim.x, at / gridDim.x};
    shared.assign(shape.shared + 16, 0xff);  // not a number
    run_block(b, [&] { signature.call(kernel, arguments); });
  }
  block = nullptr;
}

unsigned char* dynamic_shared() {
  const auto address = reinterpret_cast<std::uintptr_t>(shared.data());
  return shared.data() + (16 - address % 16) % 16;
}

std::uint32_t pack_bf16(float low, float high) { return to_bf16(low) | to_bf16(high) << 16; }

std::uint64_t exchange(std::uint64_t mine, int from) { return post(mine)[from & (kWarp - 1)]; }

void wait_for_warp() { pause(State::at_warp); }
void wait_for_block() { pause(State::at_block); }

void require_whole_warp(unsigned mask) {
  require(mask == 0xffffffffu, "emulated kernel: a collective of {:x}, expected a whole warp",
          mask);
}

void multiply_tile(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  struct Pairs {
    const std::uint32_t *a, *b;
  } mine{a, b};
  std::uint32_t all_a[kWarp][4], all_b[kWarp][2];
  auto& slots = post(reinterpret_cast<std::uintptr_t>(&mine));
  for (int from = 0; from < kWarp; ++from) {
    const auto& of = *reinterpret_cast<const Pairs*>(slots[from]);
    std::memcpy(all_a[from], of.a, sizeof(all_a[from]));
    std::memcpy(all_b[from], of.b, sizeof(all_b[from]));
  }
  wait_for_warp();  // `mine` of the others live until all have read them
  const int g = lane() / 4, t = lane() % 4;
  for (int e = 0; e < 4; ++e) {
    const int i = g + e / 2 * 8, j = 2 * t + e % 2;
    for (int k = 0; k < 16; ++k) c[e] += element_of_a(all_a, i, k) * element_of_b(all_b, k, j);
  }
}

namespace {

// Element (i, j) of matrix q, of which lane 8 q + i brought the address of row i.
std::uint32_t element(const std::uint64_t (&rows)[kWarp], int q, int i, int j) {
  std::uint16_t bits;
  std::memcpy(&bits, reinterpret_cast<const std::uint16_t*>(rows[8 * q + i]) + j, sizeof(bits));
  return bits;
}

const std::uint64_t (&rows_of_matrices(const void* row))[kWarp] {
  const auto address = reinterpret_cast<std::uintptr_t>(row);
  require(address % 16 == 0, "emulated kernel: the row of a matrix is not aligned to 16 bytes");
  return post(address);
}

}  // namespace

void load_matrices(std::uint32_t (&word)[4], const void* row) {
  const auto& rows = rows_of_matrices(row);
  const int g = lane() / 4, t = lane() % 4;
  for (int q = 0; q < 4; ++q) {
    word[q] = element(rows, q, g, 2 * t) | element(rows, q, g, 2 * t + 1) << 16;
  }
}

void load_matrices_transposed(std::uint32_t (&word)[4], const void* row) {
  const auto& rows = rows_of_matrices(row);
  const int g = lane() / 4, t = lane() % 4;
  for (int q = 0; q < 4; ++q) {
    word[q] = element(rows, q, 2 * t, g) | element(rows, q, 2 * t + 1, g) << 16;
  }
}

}  // namespace chorale::cuda

unsigned __ballot_sync(unsigned mask, int holds) {
  chorale::cuda::require_whole_warp(mask);
  const auto& votes = chorale::cuda::post(holds != 0);
  unsigned all = 0;
  for (int lane = 0; lane < 32; ++lane) all |= static_cast<unsigned>(votes[lane]) << lane;
  return all;
}
