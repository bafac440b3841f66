// One pass over pairs of rows: own rows of one operand against all rows of the other. What the
// kernels of contrast read is prepared here, in scratch memory.
//
// A number is kept as the sum of kTerms bf16 numbers: of two, to 2^-17 of its size; of three,
// exactly. The other rows stand as the tiles' images in shared memory will; own rows as the words
// of multiply_tile's left operand, so that a warp loads them straight into registers.
#pragma once

#include <simt.h>

#include <algorithm>

#include "kernels/cuda/bf16_pair.h"
#include "kernels/cuda/each.h"
#include "kernels/kernels.h"

namespace chorale::cuda {

constexpr int kOwnTile = 128;          // own rows of a block
constexpr int kWarpTile = 32;          // of a warp
constexpr int kSlice = 64;             // columns at a time; fewer cost as many
constexpr int kSteps = 4;              // of 16 columns, multiply_tile's depth
constexpr int kRowBytes = 2 * kSlice;  // of a slice of a row, in bf16
constexpr Index kOtherGrain = 64;      // tiles and sections of other rows begin at multiples of it
constexpr float kLog2E = 1.44269504088896340736f;

// An operand and the numbers of its rows. Only one side of a pass has shifts.
struct Operand {
  ConstView x = {};              // (n,d)
  Real shift = 0;                // of every row, unless there are `shifts`
  ConstView shifts = {};         // (n,1)
  ConstView factors = {};        // (n,1) of the weights, or none
  const Index* names = nullptr;  // (n), or none

  // What to add to an exponent of two.
  __device__ float offset(Index i) const {
    return -(shifts.data != nullptr ? shifts(i, 0) : shift) * kLog2E;
  }
};

struct alignas(16) Words {
  std::uint32_t word[4];
};

struct Pass {
  Operand own;
  Index first = 0, rows = 0;         // the own rows are [first, first + rows) of `own`
  const Words* fragments = nullptr;  // (groups of 16 own rows, slices, kSteps, terms, lanes)
  // Of the other rows, `padded` to kOtherGrain with zeros:
  Index others = 0, padded = 0;
  const unsigned char* images = nullptr;  // (slices, terms, padded, kRowBytes)
  const float* offsets = nullptr;         // (padded), or none, as the next two
  const float* factors = nullptr;
  const Index* names = nullptr;
  int slices = 1;
  float unit = 1;           // of a product, in the exponent of two
  bool skips_self = false;  // the pair of a row with itself is left out

  // Sums over the other rows are taken section by section, and sections are added in ascending
  // order. They depend on the number of other rows alone; so one block may take all sections of its
  // own rows, or only one of them.
  Index section = kOtherGrain;  // rows
  Index sections = 0;
  float* partials = nullptr;  // (sections, rows, width): a block takes one section; or none
};

// What the other operand's rows bring to a pair besides their vectors.
enum class OtherBrings { nothing, factors, offsets_and_factors };

// Two numbers as pairs of their terms, the largest first.
template <int kTerms>
__device__ void split(float x, float y, std::uint32_t (&pairs)[kTerms]) {
  for (int t = 0; t < kTerms; ++t) {
    pairs[t] = pack_bf16(x, y);
    x -= low_bf16(pairs[t]);
    y -= high_bf16(pairs[t]);
  }
}

__device__ inline float element_or_zero(ConstView x, Index i, Index j) {
  return i < x.rows && j < x.cols ? x(i, j) : 0.0f;
}

// Where 16 bytes of a row's image stand: rows are eight units long, and the units of eight rows
// that begin at one column lie in different banks.
__device__ inline int unit_of(int row, int unit) { return (unit ^ (row % 8)) * 16; }

template <int kTerms>
void pack_own(Queue& queue, const Pass& pass, Words* to) {
  const ConstView x = pass.own.x.row_block(pass.first, pass.first + pass.rows);
  constexpr Index kWarp = 32;
  const Index groups = (pass.rows + kWarpTile - 1) / kWarpTile * (kWarpTile / 16);
  const Index pieces = pass.slices * kSteps;
  each(queue, groups, pieces * kWarp, [=] __device__(Index group, Index at) {
    const Index piece = at / kWarp, lane = at % kWarp;
    const Index row = 16 * group + lane / 4, column = 16 * piece + 2 * (lane % 4);
    Words words[kTerms];
    for (int w = 0; w < 4; ++w) {
      const Index i = row + w % 2 * 8, j = column + w / 2 * 8;
      std::uint32_t pairs[kTerms];
      split(element_or_zero(x, i, j), element_or_zero(x, i, j + 1), pairs);
      for (int t = 0; t < kTerms; ++t) words[t].word[w] = pairs[t];
    }
    for (int t = 0; t < kTerms; ++t) {
      to[((group * pieces + piece) * kTerms + t) * kWarp + lane] = words[t];
    }
  });
}

template <int kTerms>
void pack_images(Queue& queue, const Pass& pass, ConstView x, unsigned char* to) {
  constexpr int kUnits = kRowBytes / 16;
  const Index padded = pass.padded;
  each(queue, padded, Index{pass.slices} * kUnits, [=] __device__(Index i, Index at) {
    const Index slice = at / kUnits;
    const int unit = static_cast<int>(at % kUnits);
    Words words[kTerms];
    for (int w = 0; w < 4; ++w) {
      const Index j = slice * kSlice + unit * 8 + 2 * w;
      std::uint32_t pairs[kTerms];
      split(element_or_zero(x, i, j), element_or_zero(x, i, j + 1), pairs);
      for (int t = 0; t < kTerms; ++t) words[t].word[w] = pairs[t];
    }
    for (int t = 0; t < kTerms; ++t) {
      unsigned char* row = to + ((slice * kTerms + t) * padded + i) * kRowBytes;
      *reinterpret_cast<Words*>(row + unit_of(static_cast<int>(i % 8), unit)) = words[t];
    }
  });
}

inline void pack_numbers(Queue& queue, const Pass& pass, const Operand& other, float* offsets,
                         float* factors, Index* names) {
  each(queue, pass.padded, 1, [=] __device__(Index i, Index) {
    const bool is_row = i < other.x.rows;
    if (offsets != nullptr) offsets[i] = is_row ? other.offset(i) : 0.0f;
    if (factors != nullptr) factors[i] = is_row ? other.factors(i, 0) : 0.0f;
    if (names != nullptr) names[i] = is_row ? other.names[i] : 0;
  });
}

// Hands out parts of one piece of memory; of none, it counts.
class Carver {
 public:
  explicit Carver(void* memory) : memory_(static_cast<unsigned char*>(memory)) {}

  template <class T>
  T* take(Index n, bool is_wanted = true) {
    if (!is_wanted) return nullptr;
    unsigned char* part = memory_ == nullptr ? nullptr : memory_ + bytes_;
    bytes_ += (static_cast<std::size_t>(n) * sizeof(T) + 127) / 128 * 128;
    return reinterpret_cast<T*>(part);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  unsigned char* memory_;
  std::size_t bytes_ = 0;
};

// Cuts the walk over `others` rows: into eight sections, or fewer of kOtherGrain rows.
inline void cut_sections(Pass& pass) {
  constexpr Index kSections = 8;
  const Index grains = (pass.others + kOtherGrain - 1) / kOtherGrain;
  pass.padded = grains * kOtherGrain;
  pass.section = std::max<Index>(1, (grains + kSections - 1) / kSections) * kOtherGrain;
  pass.sections = (pass.others + pass.section - 1) / pass.section;
}

// Whether there are too few own rows to keep the device busy (and even) without blocks for
// sections, whose results take little memory. It changes no bit of the result.
inline bool must_split(const Queue& queue, const Pass& pass, Index width) {
  constexpr Index kWaves = 4, kMostBytes = Index{64} << 20;
  const Index blocks = (pass.rows + kOwnTile - 1) / kOwnTile * pass.slices;
  const Index bytes = pass.sections * pass.rows * width * static_cast<Index>(sizeof(float));
  return pass.sections > 1 && blocks < kWaves * queue.processors() && bytes <= kMostBytes;
}

// Completes a pass: everything of it is set but what is prepared here, in scratch memory. `width`:
// numbers of a result's row.
template <int kTerms>
void prepare(Queue& queue, const Operand& other, OtherBrings brings, Index width, Pass& pass) {
  pass.others = other.x.rows;
  pass.slices = static_cast<int>(std::max<Index>(1, (other.x.cols + kSlice - 1) / kSlice));
  cut_sections(pass);
  const bool is_split = must_split(queue, pass, width);
  const Index groups = (pass.rows + kWarpTile - 1) / kWarpTile * (kWarpTile / 16);

  struct Parts {
    Words* fragments;
    unsigned char* images;
    float *offsets, *factors;
    Index* names;
    float* partials;
  };
  const auto carve = [&](Carver& c) {
    return Parts{c.take<Words>(groups * pass.slices * kSteps * kTerms * 32),
                 c.take<unsigned char>(pass.slices * kTerms * pass.padded * kRowBytes),
                 c.take<float>(pass.padded, brings == OtherBrings::offsets_and_factors),
                 c.take<float>(pass.padded, brings != OtherBrings::nothing),
                 c.take<Index>(pass.padded, other.names != nullptr),
                 c.take<float>(pass.sections * pass.rows * width, is_split)};
  };
  Carver counted(nullptr);
  carve(counted);
  Carver carver(queue.scratch(counted.bytes()));
  const Parts parts = carve(carver);
  pack_own<kTerms>(queue, pass, parts.fragments);
  pack_images<kTerms>(queue, pass, other.x, parts.images);
  pack_numbers(queue, pass, other, parts.offsets, parts.factors, parts.names);
  pass.fragments = parts.fragments;
  pass.images = parts.images;
  pass.offsets = parts.offsets;
  pass.factors = parts.factors;
  pass.names = parts.names;
  pass.partials = parts.partials;
}

}  // namespace chorale::cuda
