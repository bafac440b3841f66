// The format of the KGAT and KGIN data sets: the LightGCN text format and, beside it, kg_final.txt.
// Item i is entity i.
#include "graph/io/kg_final.h"
#include "graph/io/reader.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

class KgatText final : public Reader {
 public:
  RawData read(const fs::path& source) const override {
    for (const char* name : {"train.txt", "test.txt", "kg_final.txt"}) {
      require_user(fs::is_regular_file(source / name), Exit::data,
                   "format kgat is a folder with train.txt, test.txt and kg_final.txt",
                   "{}: found no file of this name", (source / name).string());
    }
    RawData data = find_reader("lightgcn").read(source);
    read_kg_final(source, data);
    return data;
  }
};

const ReaderRegistration registered("kgat", std::make_unique<KgatText>());

}  // namespace
}  // namespace chorale
