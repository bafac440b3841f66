// What a model is: tables, and two functions of the tape. Nothing in a model knows about ranks,
// devices or communication; ops carry all of that. To add a model: one file in trainer/models, one
// message in configs/schema/model.proto, one tiny configuration in configs/tiny
// (docs/extending.md).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/schema/model.pb.h"
#include "configs/schema/optimizer.pb.h"
#include "embedding/table.h"
#include "graph/bipartite.h"
#include "graph/io/dataset.h"
#include "graph/row_subset.h"
#include "kernels/array.h"
#include "trainer/autodiff/ops.h"
#include "trainer/data/batch.h"
#include "trainer/data/sampler.h"
#include "trainer/losses/losses.h"

namespace chorale {

namespace v1 {
class Config;
}

// A kind of training step that a model adds to the recommendation steps of every epoch, which come
// first. It has its own optimizer, with its own state in the tables that it moves.
struct Phase {
  std::string name;  // of its loss and of its optimizer's state: "transr"
  std::unique_ptr<Sampler> sampler;
  std::function<Var(Tape&, const Batch&)> loss;
  std::vector<Table*> tables;
  v1::Optimizer optimizer;
};

class Model {
 public:
  virtual ~Model() = default;
  // The vectors that score: (nodes, d) rows, users and items; score = dot product. Evaluated and
  // exported.
  virtual Var represent(Tape& t) = 0;
  // What is minimised: a partial scalar.
  virtual Var loss(Tape& t, const Batch& batch) = 0;

  // Asked once, when all tables are there; `config` is that of the run.
  virtual std::vector<Phase> further_phases(const v1::Config& /*config*/) { return {}; }
  // Before the first step of an epoch, also after a restart amid one: whatever depends on the
  // epoch's number alone. Collective.
  virtual void begin_epoch(Tape&, Index /*epoch*/) {}
  // After the last step of an epoch: whatever is kept in tables that no optimizer moves.
  // Collective.
  virtual void finish_epoch(Tape&) {}
  // What every edge of the collaborative knowledge graph weighs when messages are summed, this
  // rank's in the order of collaborative_edges; nothing if the model does not use that graph.
  virtual std::optional<ConstView> edge_weights() const { return std::nullopt; }
  // The tables were given new values from outside. Collective.
  virtual void tables_changed(Tape&) {}
};

// How much device memory of a rank an embedding table may take with its state (run.table_memory).
struct TableMemory {
  HostTierLimits limits = {};
  std::unique_ptr<const Optimizer> optimizer = nullptr;  // whose state it is, if there is a limit
};

// What a model is built from. Owns the tables and the graphs that models ask for.
class ModelContext {
 public:
  // `threads` of the host build graphs and tables.
  ModelContext(Device& device, Communicator& comm, Dataset dataset, const Lanes& lanes,
               std::uint64_t seed, int threads = 1, TableMemory table_memory = {});

  const Partition& nodes() const { return nodes_; }  // rows of all users and entities
  const Dataset& dataset() const { return dataset_; }
  // Public numbers of this rank's rows (users, then entities), in device memory: keys of dropout
  // masks.
  std::span<const Index> node_names() const { return node_names_.span(); }
  // The users and the items among the nodes.
  const RowSubset& users();
  const RowSubset& items();
  // The user-item graph; built once for each normalisation. Collective.
  const DistCsr& adjacency(Normalization normalization);

  // An embedding of every node. `name` is public: checkpoints and digests use it.
  Table& embeddings(const std::string& name, Index cols, const v1::Initial& initial);
  // An embedding of these nodes only.
  Table& embeddings(const std::string& name, Index cols, const v1::Initial& initial,
                    const RowSubset& nodes);
  // Rows of any kind. With `moved` false the recommendation steps leave it alone.
  Table& rows(const std::string& name, const Partition& part, Index cols,
              std::span<const Index> names, const Initializer& initial, bool moved);
  // A dense weight, Xavier-uniform (biases (1, m) too, as the models of TensorFlow 1 have it).
  Table& weight(const std::string& name, Index rows, Index cols);

  std::span<Table* const> tables() const { return tables_; }
  // Those that recommendation steps move.
  std::span<Table* const> moved_tables() const { return moved_tables_; }

  Device& device() const { return device_; }
  Communicator& comm() const { return comm_; }
  std::uint64_t seed() const { return seed_; }

 private:
  Table& keep(std::unique_ptr<Table> table, bool moved);
  // The rows of these nodes.
  Table& embeddings(const std::string& name, const Partition& part, Index cols,
                    const v1::Initial& initial, std::span<const Index> nodes);
  // Null if the device may hold all rows.
  std::unique_ptr<HostTier> tier_for(const Partition& part, Index cols,
                                     std::span<const Index> nodes);

  Device& device_;
  Communicator& comm_;
  Dataset dataset_;
  Partition nodes_;
  std::vector<Index> nodes_of_rows_;
  Array<Index> node_names_;
  std::uint64_t seed_;
  int threads_;
  TableMemory table_memory_;
  std::map<Normalization, std::unique_ptr<DistCsr>> graphs_;
  std::vector<std::unique_ptr<Table>> owned_;
  std::vector<Table*> tables_;
  std::vector<Table*> moved_tables_;
  std::unique_ptr<RowSubset> users_, items_;
};

using ModelFactory =
    std::function<std::unique_ptr<Model>(ModelContext&, const google::protobuf::Message&)>;
void register_model(std::string name, ModelFactory factory);
// The model whose field is set in `config`. Throws Error (Exit::usage) naming the known models
// otherwise.
std::unique_ptr<Model> make_model(ModelContext& context, const v1::Model& config);
std::string model_name(const v1::Model& config);  // "lightgcn"; empty if none is set
std::vector<std::string> model_names();

// `const ModelRegistration<v1::Mf, Mf> registered("mf");` makes the field `mf` of message Model
// buildable.
template <class Config, class M>
struct ModelRegistration {
  explicit ModelRegistration(const char* name) {
    register_model(name, [](ModelContext& c, const google::protobuf::Message& config) {
      return std::make_unique<M>(c, static_cast<const Config&>(config));
    });
  }
};

}  // namespace chorale
