// What a model is: tables, and two functions of the tape. Nothing in a model knows about ranks,
// devices or communication; ops carry all of that. To add a model: one file in trainer/models, one
// message in configs/schema/model.proto, one tiny configuration in configs/tiny
// (docs/extending.md).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "configs/schema/model.pb.h"
#include "embedding/table.h"
#include "graph/bipartite.h"
#include "graph/io/dataset.h"
#include "kernels/array.h"
#include "trainer/autodiff/ops.h"
#include "trainer/data/batch.h"
#include "trainer/losses/losses.h"

namespace chorale {

class Model {
 public:
  virtual ~Model() = default;
  // The vectors that score: (nodes, d) rows, users and items; score = dot product. Evaluated and
  // exported.
  virtual Var represent(Tape& t) = 0;
  // What is minimised: a partial scalar.
  virtual Var loss(Tape& t, const Batch& batch) = 0;
};

// What a model is built from. Owns the tables and the graphs that models ask for.
class ModelContext {
 public:
  ModelContext(Device& device, Communicator& comm, Dataset dataset, const Lanes& lanes,
               std::uint64_t seed);

  const Partition& nodes() const { return nodes_; }  // rows of all users and entities
  const Dataset& dataset() const { return dataset_; }
  // Public numbers of this rank's rows (users, then entities), in device memory: keys of dropout
  // masks.
  std::span<const Index> node_names() const { return node_names_.span(); }
  // The user-item graph; built once for each normalisation. Collective.
  const DistCsr& adjacency(Normalization normalization);

  // An embedding of every node. `name` is public: checkpoints and digests use it.
  Table& embeddings(const std::string& name, Index cols, const v1::Initial& initial);
  // A dense weight, Xavier-uniform (biases (1, m) too, as the models of TensorFlow 1 have it).
  Table& weight(const std::string& name, Index rows, Index cols);

  std::span<Table* const> tables() const { return tables_; }

 private:
  Device& device_;
  Communicator& comm_;
  Dataset dataset_;
  Partition nodes_;
  std::vector<Index> nodes_of_rows_;
  Array<Index> node_names_;
  std::uint64_t seed_;
  std::map<Normalization, std::unique_ptr<DistCsr>> graphs_;
  std::vector<std::unique_ptr<Table>> owned_;
  std::vector<Table*> tables_;
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
