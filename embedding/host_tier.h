// A table's rows in host memory, and some of them in device memory: those of hubs for good, those
// that the batches under way look up for as long as they are needed.
//
// The host holds every row of every column (values, optimizer state), in memory that kernels reach.
// On the device a column has places: the hubs', then three slabs of equal size that steps take in
// turn. Hubs are up to date on the device, all other rows on the host once the step that moved them
// is done.
//
// Worked example: 6 rows, hubs 1 and 4, slabs of 2: places 0 1 | 2 3 | 4 5 | 6 7.
// Step A looks up rows 5 1 5 0: `place` answers 2 0 2 3 and fetches row 5 to place 2, row 0 to 3.
// Its update moves places 0, 2 and 3; `write_back` copies places 2 and 3 to the host's rows 5, 0.
// Step B looks up rows 2 0: `place` answers 5 4. Row 0 is copied from place 3 to place 4 behind
// step A, for the host may not have it yet. Row 2 is fetched to place 5 beside step A, behind the
// step before A only, which is why the rows that A moves must not be fetched.
// Step C takes places 6 and 7, step D 2 and 3 again: what A did there has been written back.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "graph/partition.h"
#include "kernels/array.h"

namespace chorale {

class HostTier {
 public:
  static constexpr int kSlabs = 3;

  // hubs: local rows, ascending. slab: at least the distinct rows that a step looks up.
  HostTier(Device& device, Index rows, std::vector<LocalIndex> hubs, Index slab);
  HostTier(const HostTier&) = delete;
  HostTier& operator=(const HostTier&) = delete;

  Index places() const { return n_hubs() + kSlabs * slab_; }
  // The next column, all of it `initial`. on_device:(places, width) lives as long as this.
  void add_column(View on_device, Real initial);

  // A step begins: it has looked up nothing yet.
  void begin_step();
  // In place of each row its place, where it is for kernels enqueued from now on in this step.
  // Returns how many places there are.
  Index place(std::span<LocalIndex> rows);
  // The rows that this step placed, back to the host.
  void write_back();

  // All rows of a column, (rows, width) in host memory, for kernels enqueued before the next step.
  View whole(std::size_t column);
  // Rows [first, last) of a column from or to the host's own memory. The host waits.
  void read(std::size_t column, Index first, Index last, Real* to);
  void write(std::size_t column, Index first, Index last, const Real* from);

 private:
  static constexpr LocalIndex kNowhere = -1;

  struct Release {
    Device* device;
    std::size_t bytes;
    void operator()(Real* memory) const { device->release_host(memory, bytes); }
  };
  struct Column {
    View device;
    View host;
    std::unique_ptr<Real[], Release> memory;
  };
  struct Hubs {  // those among some rows: their places are consecutive
    Index first, last;
  };

  Index n_hubs() const { return static_cast<Index>(hubs_.size()); }
  Index first_place(int slab) const { return n_hubs() + slab * slab_; }
  LocalIndex& place_of(LocalIndex row) { return place_of_[static_cast<std::size_t>(row)]; }
  bool is_hub(LocalIndex row);
  bool is_in(LocalIndex row, int slab);
  void admit(LocalIndex row);  // to the next place of this step's slab
  void evict(int slab);
  // Of the rows placed from `first` on: copies those before `fetched`, fetches the others.
  void bring(Index first, Index fetched);
  void forget();  // all slabs
  Hubs hubs_among(Index first, Index last) const;
  void settle(const Column& column, Index first, Index last);  // hubs among these rows to the host
  void lift(const Column& column, Index first, Index last);    // and from it

  Device& device_;
  Index rows_;
  Index slab_;
  std::vector<LocalIndex> hubs_;
  Array<LocalIndex> hub_ids_;
  std::vector<Column> columns_;
  std::vector<LocalIndex> place_of_;                    // (rows)
  std::array<std::vector<LocalIndex>, kSlabs> placed_;  // rows by place
  Array<LocalIndex> placed_ids_;                        // (kSlabs, slab) the same on the device
  std::vector<LocalIndex> from_;                        // places in the slab of the step before
  Array<LocalIndex> from_ids_;                          // (slab)
  int now_ = 0;                                         // this step's slab
  Index begun_ = 0, before_ = 0;  // Device::mark where this step and the one before began
};

struct HostTierLimits {
  std::size_t bytes = 0;  // of device memory that a table may take on a rank; 0: no limit
  Index batch_rows = 0;   // most distinct rows that a step looks up on a rank
};

// For a table whose rows have so many bytes, state included, on the device. weights: how often each
// of this rank's rows is likely to be looked up; hubs are the heaviest, of equal ones the first.
// Null if the rank's rows fit without. Throws Error (Exit::usage), on all ranks, if the rows of
// batches do not fit.
std::unique_ptr<HostTier> make_host_tier(Device& device, const Partition& partition,
                                         std::span<const Index> weights, std::size_t bytes_of_row,
                                         const HostTierLimits& limits);

}  // namespace chorale
