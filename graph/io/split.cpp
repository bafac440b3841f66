#include "graph/io/split.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "graph/io/text.h"
#include "kernels/check.h"
#include "kernels/random.h"

namespace chorale {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Items with interactions, in the order in which they would be chosen.
std::vector<Index> by_draw(const IdLists& all, Index items, std::uint64_t seed) {
  std::vector<char> seen(at(items), 0);
  for (const std::int32_t i : all.values) seen[at(i)] = 1;
  std::vector<std::pair<std::uint64_t, Index>> keyed;
  for (Index i = 0; i < items; ++i) {
    if (seen[at(i)] == 0) continue;
    const RandomBits b = random_bits({Purpose::cold_items, seed}, 0, static_cast<std::uint64_t>(i));
    keyed.emplace_back((static_cast<std::uint64_t>(b.word[0]) << 32) | b.word[1], i);
  }
  std::ranges::sort(keyed);
  std::vector<Index> order;
  for (const auto& [key, item] : keyed) order.push_back(item);
  return order;
}

// The interactions of all three splits, each once.
IdLists joined(const Splits& s, Index items) {
  InteractionList pairs;
  for (const IdLists* lists : {&s.train, &s.validation, &s.test}) {
    for (Index user = 0; user < lists->rows(); ++user) {
      for (const std::int32_t item : (*lists)[user]) {
        pairs.users.push_back(user);
        pairs.items.push_back(item);
      }
    }
  }
  return group_by_user(pairs, s.train.rows(), items).lists;
}

void hold_out_of_train(Splits& s, IdLists& held, double share, const PrepareOptions& o,
                       const char* split, std::vector<ReportLine>& report) {
  if (share == 0) return;
  require_user(held.size() == 0, Exit::usage, "drop the option to use the split that is given",
               "{}: the source has a {} split, so none can be held out", o.source.string(), split);
  HoldOut h = hold_out(s.train, share, o.seed);
  report_if(report, fmt::format("users with one training item, none held out for {}", split),
            h.too_few);
  s.train = std::move(h.kept);
  held = std::move(h.held);
}

}  // namespace

void check_split_options(const PrepareOptions& o) {
  const auto check = [](double share, const char* what, const char* hint) {
    require_user(share >= 0 && share < 1, Exit::usage, hint,
                 "found {} share of {}, expected at least 0 and less than 1", what, share);
  };
  check(o.validation, "a validation", "0.1 holds out a tenth of each user's training items");
  check(o.test, "a test", "0.2 holds out a fifth of each user's training items");
  check(o.cold_items, "a cold-item", "0.2 takes a fifth of the items out of training");
  require_user(o.cold_items == 0 || (o.validation == 0 && o.test == 0), Exit::usage,
               "drop --valid and --test: half of the cold items are validation, half are test",
               "found --cold-items together with another hold-out");
}

Splits cold_start(const IdLists& all, Index items, double share, std::uint64_t seed) {
  const std::vector<Index> order = by_draw(all, items, seed);
  const double exact = share * static_cast<double>(order.size());
  const auto cold = static_cast<Index>(std::round(exact));
  require_user(cold >= 2 && cold < static_cast<Index>(order.size()), Exit::usage,
               "choose another share, at least one item for each split and one to train on",
               "{} of {} items are {} cold items, expected at least 2 and not all", share,
               order.size(), cold);
  // 0: training, 1: validation, 2: test.
  std::vector<std::size_t> split_of(at(items), 0);
  for (Index i = 0; i < cold; ++i) split_of[at(order[at(i)])] = i < cold / 2 ? 1 : 2;
  Splits s;
  const std::array<IdLists*, 3> lists = {&s.train, &s.validation, &s.test};
  for (Index user = 0; user < all.rows(); ++user) {
    for (const std::int32_t item : all[user]) lists[split_of[at(item)]]->values.push_back(item);
    for (IdLists* l : lists) l->begin.push_back(l->size());
  }
  return s;
}

Splits make_splits(const PrepareOptions& o, const RawData& raw, std::vector<ReportLine>& report) {
  const auto users = static_cast<Index>(raw.user_names.size());
  const auto items = static_cast<Index>(raw.item_names.size());
  const auto grouped = [&](const InteractionList& pairs, const char* split) {
    Grouped g = group_by_user(pairs, users, items);
    report_if(report, std::string(split) + ": duplicate interactions, kept once", g.duplicates);
    return std::move(g.lists);
  };
  Splits s;
  s.train = grouped(raw.train, "train");
  s.validation = grouped(raw.validation, "validation");
  s.test = grouped(raw.test, "test");
  if (o.cold_items > 0) {
    report_if(report, "validation and test interactions of the source, split again by cold items",
              s.validation.size() + s.test.size());
    s = cold_start(joined(s, items), items, o.cold_items, o.seed);
  }
  hold_out_of_train(s, s.test, o.test, o, "test", report);
  hold_out_of_train(s, s.validation, o.validation, o, "validation", report);
  for (ReportLine& line : survey(s, items)) report.push_back(std::move(line));
  return s;
}

}  // namespace chorale
