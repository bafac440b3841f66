// Every number is a draw named by (seed, what it is for, user or item, attempt) and the arithmetic
// is exact or correctly rounded (no logarithms, no powers), so equal options give equal bytes on
// any machine.
#include "graph/io/generators.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "graph/io/file.h"
#include "graph/io/npy_writer.h"
#include "kernels/check.h"
#include "kernels/random.h"

namespace chorale {
namespace {

enum class Draw : std::uint64_t {
  popularity = 1,
  community,
  degree,
  item,
  test,
  genre,
  maker,
  centre,
  noise
};

RandomBits draw(const PlantedOptions& o, Draw what, Index node, Index index) {
  const std::uint64_t step =
      (static_cast<std::uint64_t>(what) << 48) | static_cast<std::uint64_t>(node);
  return random_bits({Purpose::generate, o.seed}, step, static_cast<std::uint64_t>(index));
}

std::uint64_t key_of(const RandomBits& b) {
  return (static_cast<std::uint64_t>(b.word[0]) << 32) | b.word[1];
}

void check(const PlantedOptions& o) {
  const auto need = [](bool holds, const char* what) {
    require_user(holds, Exit::usage, "choose another number", "planted communities: {}", what);
  };
  need(o.users >= 1, "there must be at least 1 user");
  need(o.items >= 8, "there must be at least 8 items");
  need(o.users <= 100'000'000 && o.items <= 100'000'000, "at most 100 million users and items");
  need(o.communities >= 1 && o.communities <= o.items / 4,
       "communities must be from 1 to items / 4");
  need(o.items_per_user >= 4 && o.items_per_user <= o.items / 2,
       "items_per_user must be from 4 to items / 2");
  need(o.own_community >= 0 && o.own_community <= 1, "own_community must be from 0 to 1");
  need(o.test >= 0 && o.test < 1, "test must be from 0 to less than 1");
  need(0 <= o.features && o.features <= 100'000, "features must be from 0 to 100,000 columns");
}

// Item ids in order of popularity. The item of rank r belongs to community r % communities.
std::vector<Index> by_popularity(const PlantedOptions& o) {
  std::vector<Index> items(static_cast<std::size_t>(o.items));
  std::iota(items.begin(), items.end(), Index{0});
  std::vector<std::uint64_t> keys;
  for (const Index i : items) keys.push_back(key_of(draw(o, Draw::popularity, i, 0)));
  std::sort(items.begin(), items.end(), [&](Index a, Index b) {
    const auto ka = keys[static_cast<std::size_t>(a)], kb = keys[static_cast<std::size_t>(b)];
    return ka != kb ? ka < kb : a < b;
  });
  return items;
}

// 4 plus a Pareto variable of exponent 2: half its mean over the root of a uniform number.
Index degree_of(const PlantedOptions& o, Index user) {
  const RandomBits b = draw(o, Draw::degree, user, 0);
  const double u = 1.0 - uniform(b.word[0], b.word[1]);  // (0, 1]
  const double mean = static_cast<double>(o.items_per_user - 4);
  const double more = mean * 0.5 / std::sqrt(u) + 0.5;
  return 4 + static_cast<Index>(std::min(more, static_cast<double>(o.items / 2 - 4)));
}

// The rank of an item among n: squaring a uniform number makes P(rank < x) = sqrt(x / n).
Index popular_rank(const RandomBits& b, Index n) {
  const double v = uniform(b.word[0], b.word[1]);
  return std::min(static_cast<Index>(v * v * static_cast<double>(n)), n - 1);
}

std::vector<Index> items_of_user(const PlantedOptions& o, Index user,
                                 const std::vector<Index>& popular) {
  const auto communities = static_cast<Index>(o.communities);
  const auto own = static_cast<Index>(
      random_below(draw(o, Draw::community, user, 0), static_cast<std::uint64_t>(communities)));
  const Index own_size = (o.items - own + communities - 1) / communities;
  const auto n = static_cast<std::size_t>(degree_of(o, user));
  std::vector<Index> chosen;
  const auto add = [&](Index rank) {
    const Index item = popular[static_cast<std::size_t>(rank)];
    if (std::find(chosen.begin(), chosen.end(), item) == chosen.end()) chosen.push_back(item);
  };
  const auto attempts = static_cast<Index>(20 * n);
  for (Index attempt = 0; chosen.size() < n && attempt < attempts; ++attempt) {
    const RandomBits b = draw(o, Draw::item, user, attempt);
    const bool stays = uniform(b.word[2], b.word[3]) < o.own_community;
    add(stays ? own + communities * popular_rank(b, own_size) : popular_rank(b, o.items));
  }
  // A small community may be exhausted: the most popular items fill the rest.
  for (Index rank = 0; chosen.size() < n; ++rank) add(rank);
  return chosen;
}

// Moves a random share of the items, at least one, to the front; returns how many.
std::size_t choose_test(const PlantedOptions& o, Index user, std::vector<Index>& items) {
  if (o.test == 0) return 0;
  std::sort(items.begin(), items.end(), [&](Index a, Index b) {
    const std::uint64_t ka = key_of(draw(o, Draw::test, user, a));
    const std::uint64_t kb = key_of(draw(o, Draw::test, user, b));
    return ka != kb ? ka < kb : a < b;
  });
  const auto n = static_cast<double>(items.size());
  const auto share = static_cast<std::size_t>(o.test * n + 0.5);
  return std::clamp<std::size_t>(share, 1, items.size() - 1);
}

void append_line(std::string& text, Index user, std::vector<Index> items) {
  std::sort(items.begin(), items.end());
  text += std::to_string(user);
  if (items.empty()) text += ' ';  // as the published files write it
  for (const Index item : items) text += ' ' + std::to_string(item);
  text += '\n';
}

std::string id_list(std::string_view kind, Index n) {
  std::string text = "org_id remap_id\n";
  for (Index i = 0; i < n; ++i) text += fmt::format("{}-{:05} {}\n", kind, i, i);
  return text;
}

// The community of every item: that of its rank.
std::vector<Index> communities_of(const PlantedOptions& o, const std::vector<Index>& popular) {
  std::vector<Index> communities(popular.size());
  for (std::size_t rank = 0; rank < popular.size(); ++rank) {
    communities[static_cast<std::size_t>(popular[rank])] =
        static_cast<Index>(rank) % static_cast<Index>(o.communities);
  }
  return communities;
}

// Entities: the items, a genre for each community, then two makers for each.
void write_knowledge(const PlantedOptions& o, const std::vector<Index>& communities,
                     const std::filesystem::path& folder) {
  const auto genres = static_cast<Index>(o.communities);
  const Index makers = 2 * genres;  // maker m is of community m % genres
  const auto below = [](std::uint32_t word, Index n) { return static_cast<Index>(word) % n; };
  std::string facts;
  for (Index i = 0; i < o.items; ++i) {
    const Index own = communities[static_cast<std::size_t>(i)];
    const auto told = [&](Draw what) {  // the item's own community nine times out of ten
      const RandomBits b = draw(o, what, i, 0);
      return uniform(b.word[0], b.word[1]) < 0.9 ? own : below(b.word[2], genres);
    };
    const Index maker = told(Draw::maker) + genres * below(draw(o, Draw::maker, i, 1).word[0], 2);
    facts += fmt::format("{} 0 {}\n", i, o.items + told(Draw::genre));
    facts += fmt::format("{} 1 {}\n", i, o.items + genres + maker);
  }
  for (Index m = 0; m < makers; ++m) {
    facts += fmt::format("{} 2 {}\n", o.items + genres + m, o.items + m % genres);
  }
  std::string entities = id_list("item", o.items);
  for (Index g = 0; g < genres; ++g) entities += fmt::format("genre-{} {}\n", g, o.items + g);
  for (Index m = 0; m < makers; ++m) {
    entities += fmt::format("maker-{} {}\n", m, o.items + genres + m);
  }
  write_file(folder / "kg_final.txt", facts);
  write_file(folder / "entity_list.txt", entities);
  write_file(folder / "relation_list.txt", "org_id remap_id\nof_genre 0\nmade_by 1\nactive_in 2\n");
}

void write_features(const PlantedOptions& o, const std::vector<Index>& communities,
                    const std::filesystem::path& folder) {
  const auto number = [&](Draw what, Index of, Index column) {  // in [-1, 1)
    const RandomBits b = draw(o, what, of, column);
    return static_cast<float>(2 * uniform(b.word[0], b.word[1]) - 1);
  };
  NpyWriter file(folder / "item_features.npy", o.items, o.features);
  std::vector<float> row(static_cast<std::size_t>(o.features));
  for (Index i = 0; i < o.items; ++i) {
    const Index own = communities[static_cast<std::size_t>(i)];
    for (Index j = 0; j < o.features; ++j) {
      row[static_cast<std::size_t>(j)] = number(Draw::centre, own, j) + number(Draw::noise, i, j);
    }
    file.append(row);
  }
  file.finish();
}

}  // namespace

void write_planted_communities(const PlantedOptions& options, const std::filesystem::path& folder) {
  check(options);
  require_user(!std::filesystem::exists(folder) ||
                   (std::filesystem::is_directory(folder) && std::filesystem::is_empty(folder)),
               Exit::usage, "choose another folder, or remove this one",
               "{}: it exists and is not an empty folder", folder.string());
  const std::vector<Index> popular = by_popularity(options);
  std::string train, test;
  for (Index user = 0; user < options.users; ++user) {
    std::vector<Index> items = items_of_user(options, user, popular);
    const auto held = static_cast<std::ptrdiff_t>(choose_test(options, user, items));
    append_line(test, user, {items.begin(), items.begin() + held});
    append_line(train, user, {items.begin() + held, items.end()});
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require_user(!error, Exit::io, "check the path and its permissions", "{}: cannot create: {}",
               folder.string(), error.message());
  write_file(folder / "train.txt", train);
  write_file(folder / "test.txt", test);
  write_file(folder / "user_list.txt", id_list("user", options.users));
  write_file(folder / "item_list.txt", id_list("item", options.items));
  const std::vector<Index> communities = communities_of(options, popular);
  if (options.knowledge) write_knowledge(options, communities, folder);
  if (options.features > 0) write_features(options, communities, folder);
}

}  // namespace chorale
