// The format of MMRec and MMHCL: one .inter file, tab-separated under a header, with integer users
// and items and the split of each interaction.
#include <array>
#include <string>
#include <string_view>

#include "graph/io/reader.h"
#include "graph/io/tab_table.h"
#include "graph/io/text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

const char* const kHint =
    "format mmrec is a file *.inter, tab-separated under a header with the columns userID, itemID "
    "and x_label, all integers; x_label is 0 for train, 1 for validation, 2 for test";

std::int32_t parse(const TabTable& table, std::size_t column, std::string_view what) {
  const std::string_view field = table[column];
  if (field.empty()) fail_text(table.place(column), "nothing", what, kHint);
  return parse_id(field, what, table.place(column));
}

class MmrecText final : public Reader {
 public:
  RawData read(const fs::path& source) const override {
    const fs::path path = find_table(source, ".inter", kHint);
    TabTable table(path, kHint);
    const std::size_t user_column = table.column("userID");
    const std::size_t item_column = table.column("itemID");
    const std::size_t label_column = table.column("x_label");

    RawData data;
    const std::array<InteractionList*, 3> splits = {&data.train, &data.validation, &data.test};
    LargestId largest_user, largest_item;
    Index interactions = 0;
    for (; table.next(); ++interactions) {
      const std::int32_t user = parse(table, user_column, "a user id");
      const std::int32_t item = parse(table, item_column, "an item id");
      const std::int32_t label = parse(table, label_column, "a label");
      if (label > 2) {
        fail_text(table.place(label_column), quoted(table[label_column]), "a label, 0, 1 or 2",
                  kHint);
      }
      largest_user.see(user, table.place(user_column));
      largest_item.see(item, table.place(item_column));
      InteractionList& pairs = *splits[static_cast<std::size_t>(label)];
      pairs.users.push_back(user);
      pairs.items.push_back(item);
    }
    table.report(data);
    require_user(!data.train.users.empty(), Exit::data, "there is nothing to train on",
                 "{}: found no interaction labelled 0, expected at least one", path.string());
    data.user_names = integer_names(largest_user, "user", interactions);
    data.item_names = integer_names(largest_item, "item", interactions);
    return data;
  }
};

const ReaderRegistration registered("mmrec", std::make_unique<MmrecText>());

}  // namespace
}  // namespace chorale
