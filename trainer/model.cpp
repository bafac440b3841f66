#include "trainer/model.h"

#include <google/protobuf/descriptor.h>

#include <iterator>

#include "kernels/check.h"

namespace chorale {
namespace {

namespace pb = google::protobuf;

std::map<std::string, ModelFactory>& registry() {
  static std::map<std::string, ModelFactory>
      factories;  // filled by static registrations, then only read
  return factories;
}

const pb::FieldDescriptor* chosen(const v1::Model& config) {
  return config.GetReflection()->GetOneofFieldDescriptor(config,
                                                         config.GetDescriptor()->oneof_decl(0));
}

// Values of one table; users and entities are sides of their own for Xavier's fan-in.
Initializer initializer(const v1::Initial& initial, std::uint64_t seed, const std::string& table,
                        const Dataset& data, Index cols) {
  if (initial.has_normal()) return normal_values(seed, table, initial.normal().stddev());
  return by_side(data.users(), xavier_uniform_values(seed, table, data.users(), cols),
                 xavier_uniform_values(seed, table, data.entities(), cols));
}

Index training_degree(const Dataset& data, Index node) {
  if (data.is_user(node)) return std::ssize(data.items_of(Split::train, node));
  return data.is_item(node) ? std::ssize(data.users_of(node - data.users())) : 0;
}

}  // namespace

ModelContext::ModelContext(Device& device, Communicator& comm, Dataset dataset, const Lanes& lanes,
                           std::uint64_t seed, int threads, TableMemory table_memory)
    : device_(device),
      comm_(comm),
      dataset_(std::move(dataset)),
      nodes_(dataset_.node_partition(lanes)),
      seed_(seed),
      threads_(threads),
      table_memory_(std::move(table_memory)) {
  nodes_of_rows_.reserve(static_cast<std::size_t>(nodes_.local_rows()));
  for (Index row = nodes_.first(); row < nodes_.last(); ++row) {
    nodes_of_rows_.push_back(dataset_.node_of_row(row));
  }
  node_names_ = Array<Index>(device, std::span<const Index>(nodes_of_rows_));
}

const DistCsr& ModelContext::adjacency(Normalization normalization) {
  std::unique_ptr<DistCsr>& graph = graphs_[normalization];
  if (!graph) {
    graph = std::make_unique<DistCsr>(
        bipartite_adjacency(device_, comm_, dataset_, nodes_, normalization, threads_));
  }
  return *graph;
}

const RowSubset& ModelContext::users() {
  if (!users_) {
    users_ = std::make_unique<RowSubset>(
        device_, nodes_, dataset_.user_partition(nodes_.lanes()),
        [&](Index row) { return dataset_.is_user(dataset_.node_of_row(row)); });
  }
  return *users_;
}

const RowSubset& ModelContext::items() {
  if (!items_) {
    items_ = std::make_unique<RowSubset>(
        device_, nodes_, dataset_.item_partition(nodes_.lanes()),
        [&](Index row) { return dataset_.is_item(dataset_.node_of_row(row)); });
  }
  return *items_;
}

Table& ModelContext::keep(std::unique_ptr<Table> table, bool moved) {
  owned_.push_back(std::move(table));
  tables_.push_back(owned_.back().get());
  if (moved) moved_tables_.push_back(owned_.back().get());
  return *owned_.back();
}

Table& ModelContext::rows(const std::string& name, const Partition& part, Index cols,
                          std::span<const Index> names, const Initializer& initial, bool moved) {
  return keep(std::make_unique<Table>(device_, name, part, cols, names, initial, threads_), moved);
}

std::unique_ptr<HostTier> ModelContext::tier_for(const Partition& part, Index cols,
                                                 std::span<const Index> nodes) {
  if (table_memory_.limits.bytes == 0) return nullptr;
  Index numbers = cols;
  for (const StateColumn& c : table_memory_.optimizer->state(cols)) numbers += c.width;
  std::vector<Index> degrees;
  for (const Index node : nodes) degrees.push_back(training_degree(dataset_, node));
  return make_host_tier(device_, part, degrees, static_cast<std::size_t>(numbers) * sizeof(Real),
                        table_memory_.limits);
}

Table& ModelContext::embeddings(const std::string& name, const Partition& part, Index cols,
                                const v1::Initial& initial, std::span<const Index> nodes) {
  return keep(std::make_unique<Table>(device_, name, part, cols, nodes,
                                      initializer(initial, seed_, name, dataset_, cols), threads_,
                                      tier_for(part, cols, nodes)),
              true);
}

Table& ModelContext::embeddings(const std::string& name, Index cols, const v1::Initial& initial) {
  return embeddings(name, nodes_, cols, initial, nodes_of_rows_);
}

Table& ModelContext::embeddings(const std::string& name, Index cols, const v1::Initial& initial,
                                const RowSubset& nodes) {
  std::vector<Index> names;
  for (const LocalIndex row : nodes.host_rows())
    names.push_back(nodes_of_rows_[static_cast<std::size_t>(row)]);
  return embeddings(name, nodes.part(), cols, initial, names);
}

Table& ModelContext::weight(const std::string& name, Index rows, Index cols) {
  return keep(std::make_unique<Table>(device_, name, nodes_.lanes(), rows, cols,
                                      xavier_uniform_values(seed_, name, rows, cols)),
              true);
}

void register_model(std::string name, ModelFactory factory) {
  registry()[std::move(name)] = std::move(factory);
}

std::unique_ptr<Model> make_model(ModelContext& context, const v1::Model& config) {
  const pb::FieldDescriptor* field = chosen(config);
  require_user(field != nullptr, Exit::usage,
               fmt::format("known models: {}", fmt::join(model_names(), ", ")),
               "the configuration names no model");
  const auto factory = registry().find(field->name());
  require(factory != registry().end(), "model {} is in the schema but was not registered",
          field->name());
  return factory->second(context, config.GetReflection()->GetMessage(config, field));
}

std::string model_name(const v1::Model& config) {
  const pb::FieldDescriptor* field = chosen(config);
  return field == nullptr ? "" : field->name();
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : registry()) names.push_back(name);
  return names;
}

}  // namespace chorale
