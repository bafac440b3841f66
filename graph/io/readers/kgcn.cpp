// The format of the RippleNet, KGCN and KGNN-LS data sets: ratings_final.txt, "user item label",
// and kg_final.txt. Item i is entity i. Label 1 is an interaction; label 0 marks a pair that was
// sampled to be none, which is not training data. There are no splits.
#include "graph/io/kg_final.h"
#include "graph/io/reader.h"
#include "graph/io/triple_text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

const char* const kHint =
    "format kgcn is a folder with ratings_final.txt, \"user item label\", and kg_final.txt, "
    "\"head relation tail\"";

void read_ratings(const fs::path& path, RawData& data) {
  TripleReader lines(path, {"a user id", "an item id", "a label"});
  LargestId user, item;
  Index negatives = 0;
  while (lines.next()) {
    user.see(lines[0], lines.place(0));
    item.see(lines[1], lines.place(1));
    const std::int32_t label = lines[2];
    if (label > 1) {
      fail_text(lines.place(2), fmt::format("label {}", label), "0 or 1", kHint);
    }
    if (label == 0) {
      ++negatives;
      continue;
    }
    data.train.users.push_back(lines[0]);
    data.train.items.push_back(lines[1]);
  }
  require_user(!data.train.users.empty(), Exit::data, "there is nothing to train on",
               "{}: found no pair with label 1, expected at least one", path.string());
  lines.report(data);
  report_if(data.report, "pairs with label 0, known not to be interactions, left out", negatives);
  const Index pairs = static_cast<Index>(data.train.users.size()) + negatives;
  data.user_names = integer_names(user, "user", pairs);
  data.item_names = integer_names(item, "item", pairs);
}

class KgcnText final : public Reader {
 public:
  RawData read(const fs::path& source) const override {
    for (const char* name : {"ratings_final.txt", "kg_final.txt"}) {
      require_user(fs::is_regular_file(source / name), Exit::data, kHint,
                   "{}: found no file of this name", (source / name).string());
    }
    RawData data;
    read_ratings(source / "ratings_final.txt", data);
    read_kg_final(source, data);
    return data;
  }
};

const ReaderRegistration registered("kgcn", std::make_unique<KgcnText>());

}  // namespace
}  // namespace chorale
