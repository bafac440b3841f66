#include "trainer/config/config.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <fstream>
#include <sstream>

#include "kernels/check.h"

namespace chorale {
namespace {

namespace pb = google::protobuf;

// Keeps the first error of the text parser with its place.
class FirstError final : public pb::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = fmt::format("{}:{}: {}", line + 1, column + 1, message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  require_user(file.good() && !std::filesystem::is_directory(path), Exit::usage,
               "give the path of a configuration, for example one of configs/*.pbtxt",
               "{}: cannot open the configuration", path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Numbers of an optimizer's message by field name, defaults included.
std::map<std::string, double> numbers_of(const pb::Message& message) {
  std::map<std::string, double> numbers;
  const pb::Reflection* reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const pb::FieldDescriptor* field = message.GetDescriptor()->field(i);
    numbers[field->name()] = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL
                                 ? static_cast<double>(reflection->GetBool(message, field))
                                 : reflection->GetDouble(message, field);
  }
  return numbers;
}

}  // namespace

v1::Config load_config(const std::filesystem::path& path,
                       std::span<const std::string> assignments) {
  return parse_config(read_text(path), path.string(), assignments);
}

v1::Config parse_config(const std::string& text, const std::string& origin,
                        std::span<const std::string> assignments) {
  v1::Config config;
  FirstError error;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.SetRecursionLimit(32);
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  require_user(parser.Parse(&stream, &config), Exit::usage,
               "fields and their meaning: docs/configuration.md", "{}:{}", origin, error.text());
  for (const std::string& a : assignments) assign(config, a);
  validate(config, origin);
  return config;
}

std::string to_text(const v1::Config& config) {
  std::string text;
  pb::TextFormat::PrintToString(config, &text);
  return text;
}

Schedule make_schedule(const v1::Config& config, double rate, Index steps_per_epoch) {
  const v1::Schedule& s = config.schedule();
  Schedule schedule;
  schedule.base_rate = rate;
  schedule.warmup_steps = s.warmup_steps();
  schedule.steps_per_epoch = steps_per_epoch;
  schedule.total_steps = steps_per_epoch * config.train().epochs();
  switch (s.kind_case()) {
    case v1::Schedule::kExponential:
      schedule.kind = Schedule::Kind::exponential;
      schedule.factor = s.exponential().factor();
      schedule.every_epochs = s.exponential().every_epochs();
      break;
    case v1::Schedule::kStep:
      schedule.kind = Schedule::Kind::step;
      schedule.factor = s.step().factor();
      schedule.every_epochs = s.step().every_epochs();
      break;
    case v1::Schedule::kLinear:
      schedule.kind = Schedule::Kind::linear;
      schedule.final_ratio = s.linear().final_ratio();
      break;
    case v1::Schedule::kCosine:
      schedule.kind = Schedule::Kind::cosine;
      schedule.final_ratio = s.cosine().final_ratio();
      break;
    case v1::Schedule::KIND_NOT_SET:
      break;
  }
  return schedule;
}

std::unique_ptr<Optimizer> make_optimizer(const v1::Optimizer& config) {
  const pb::FieldDescriptor* field = config.GetReflection()->GetOneofFieldDescriptor(
      config, config.GetDescriptor()->oneof_decl(0));
  require(field != nullptr, "optimizer: none is set");
  return make_optimizer(field->name(),
                        Options(numbers_of(config.GetReflection()->GetMessage(config, field))));
}

std::vector<Index> metric_lengths(const v1::Config& config) {
  std::vector<Index> ks(config.eval().k().begin(), config.eval().k().end());
  if (ks.empty()) ks.push_back(20);
  return ks;
}

}  // namespace chorale
