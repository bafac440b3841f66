// Rows in host memory: where they are placed, and that whatever is placed is what the last step
// left, on a device that fetches as early as it may and does all else as late as it may.
#include "embedding/host_tier.h"

#include <boost/test/unit_test.hpp>

#include "embedding/optimize.h"
#include "graph/row_exchange.h"
#include "tests/embedding/helpers.h"
#include "tests/support/foreign_device.h"

namespace chorale::test {
namespace {

std::vector<LocalIndex> placed(HostTier& tier, std::vector<LocalIndex> rows) {
  tier.place(rows);
  return rows;
}

// The tier of the worked example in the header, its one column row by row 0, 10, 20, ...
struct Example {
  std::unique_ptr<Device> device = make_device({});
  HostTier tier{*device, 6, {1, 4}, 2};
  Array<Real> memory{*device, tier.places()};
  View column{memory.data(), tier.places(), 1};

  Example() {
    const std::vector<Real> values = {0, 10, 20, 30, 40, 50};
    tier.add_column(column, 0);
    tier.write(0, 0, 6, values.data());
  }
  std::vector<Real> rows() {
    std::vector<Real> values(6);
    tier.read(0, 0, 6, values.data());
    return values;
  }
};

constexpr Index kRows = 61, kCols = 5, kLookups = 9;

// Half of them from few rows, so that steps share some.
std::vector<Index> rows_of_step(Index step) {
  std::vector<Index> rows;
  for (Index i = 0; i < kLookups; ++i) {
    const RandomBits bits = random_bits({Purpose::test, 3}, static_cast<std::uint64_t>(step),
                                        static_cast<std::uint64_t>(i));
    rows.push_back(static_cast<Index>(random_below(bits, i % 2 == 0 ? kRows : 7)));
  }
  return rows;
}

// Steps on rows drawn at random; the gradient of a row is the row itself.
struct Steps {
  std::unique_ptr<ForeignDevice> device = make_foreign_device();
  std::unique_ptr<Communicator> comm = make_self_communicator();
  std::unique_ptr<Optimizer> optimizer;
  Arena arena{*device};
  Partition part = Partition::uniform(kRows, {.count = 4});

  explicit Steps(const char* name) : optimizer(make_optimizer(name, Options({}))) {}

  Table table(std::unique_ptr<HostTier> tier) {
    Table t(
        *device, "test.table", part, kCols, iota(0, kRows),
        [](Index i, Index j) { return number(1, 1000 * i + j); }, 1, std::move(tier));
    t.allocate_state(optimizer->state(kCols));
    return t;
  }
  void take(Table& t, Index step) {
    t.begin_step();
    PlaceRows place;
    if (HostTier* const tier = t.tier()) {
      place = [tier](std::span<LocalIndex> rows) { return tier->place(rows); };
    }
    const RowExchange exchange(arena, *comm, part, rows_of_step(step), place);
    const View y = arena.take_view(kLookups, kCols);
    exchange.pull(arena, t.values(), y);
    const View sums = arena.take_view(static_cast<Index>(exchange.touched().size()), kCols);
    exchange.push(arena, y, sums);
    t.gradient().add({exchange.touched(), sums, exchange.host_touched()});
    const Trained trained[] = {{&t, 0}};
    optimize(*optimizer, trained, arena, *comm, device->kernels(), 0.1, step + 1);
  }
};

std::vector<Real> column_of(const Table& t, std::size_t column) {
  std::vector<Real> values(static_cast<std::size_t>(kRows * t.width(column)));
  t.read(column, 0, kRows, values.data());
  return values;
}

using Places = std::vector<LocalIndex>;
using Values = std::vector<Real>;

}  // namespace

BOOST_AUTO_TEST_SUITE(host_tier)

BOOST_FIXTURE_TEST_CASE(rows_are_placed_as_in_the_worked_example, Example) {
  tier.begin_step();
  BOOST_TEST(placed(tier, {5, 1, 5, 0}) == (Places{2, 0, 2, 3}));
  BOOST_TEST(host(*device, column.row_block(0, 4)) == (Values{10, 40, 50, 0}));
  set(*device, column.row_block(0, 4), {11, 40, 51, 1});
  tier.write_back();

  tier.begin_step();
  BOOST_TEST(placed(tier, {2, 0}) == (Places{5, 4}));
  BOOST_TEST(host(*device, column.row_block(4, 6)) == (Values{1, 20}));
  set(*device, column.row_block(4, 6), {2, 21});
  tier.write_back();

  tier.begin_step();
  BOOST_TEST(placed(tier, {5}) == (Places{6}));
  tier.begin_step();
  BOOST_TEST(placed(tier, {3}) == (Places{2}));
  BOOST_TEST(rows() == (Values{2, 11, 21, 30, 40, 51}));
}

BOOST_FIXTURE_TEST_CASE(a_row_has_one_place_in_a_step_however_often_it_is_looked_up, Example) {
  tier.begin_step();

  BOOST_TEST(placed(tier, {3, 3}) == (Places{2, 2}));
  BOOST_TEST(placed(tier, {0, 3, 4}) == (Places{3, 2, 1}));
  BOOST_CHECK_THROW(placed(tier, {2}), Error);
}

BOOST_FIXTURE_TEST_CASE(what_is_written_from_outside_replaces_what_steps_had_placed, Example) {
  tier.begin_step();
  placed(tier, {0, 1});
  const std::vector<Real> values = {7, 17, 27};

  tier.write(0, 0, 3, values.data());

  tier.begin_step();
  const Places places = placed(tier, {0, 1});
  BOOST_TEST(host(*device, column.row_block(places[0], places[0] + 1)) == (Values{7}));
  BOOST_TEST(host(*device, column.row_block(places[1], places[1] + 1)) == (Values{17}));
  BOOST_TEST(rows() == (Values{7, 17, 27, 30, 40, 50}));
}

// With state of two widths, and without.
BOOST_AUTO_TEST_CASE(a_table_with_a_tier_ends_with_the_bits_of_one_without) {
  for (const char* name : {"sgd", "adagrad", "rowwise_adagrad"}) {
    Steps steps(name);
    Table plain = steps.table(nullptr);
    Table tiered = steps.table(std::make_unique<HostTier>(
        *steps.device, kRows, std::vector<LocalIndex>{3, 30, 60}, kLookups));

    for (Index step = 0; step < 40; ++step) {
      steps.arena.reset();
      for (Table* t : {&plain, &tiered}) steps.take(*t, step);
    }

    for (std::size_t c = 0; c <= plain.state_columns().size(); ++c) {
      BOOST_TEST((column_of(tiered, c) == column_of(plain, c)), name << ", column " << c);
    }
  }
}

BOOST_AUTO_TEST_CASE(hubs_are_the_heaviest_rows_and_of_equal_ones_the_first) {
  const auto device = make_device({});
  const Partition p = Partition::uniform(12, {.count = 4});
  const std::vector<Index> weights = {1, 5, 2, 9, 2, 0, 2, 0, 0, 0, 0, 0};

  // 10 places of 8 bytes: two of each slab, four hubs.
  const auto tier = make_host_tier(*device, p, weights, 8, {.bytes = 80, .batch_rows = 2});

  BOOST_TEST(tier->places() == 10);
  std::vector<LocalIndex> rows = {1, 2, 3, 4};
  tier->place(rows);
  BOOST_TEST(rows == (Places{0, 1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(there_is_a_tier_only_where_rows_do_not_fit) {
  const auto device = make_device({});
  const std::vector<Index> weights(12);
  const Partition p = Partition::uniform(12, {.count = 4});
  const auto with = [&](std::size_t bytes) {
    return make_host_tier(*device, p, weights, 8, {.bytes = bytes, .batch_rows = 2});
  };

  BOOST_TEST(!with(0));
  BOOST_TEST(!with(96));
  BOOST_TEST(!!with(95));
  BOOST_TEST(with(48)->places() == 6);
  BOOST_CHECK_EXCEPTION(with(47), Error, [](const Error& e) { return e.code() == Exit::usage; });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test
