// --set a.b=c: one field of a configuration from the command line.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include "kernels/check.h"
#include "trainer/config/config.h"

namespace chorale {
namespace {

namespace pb = google::protobuf;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string field_names(const pb::Descriptor* message) {
  std::vector<std::string> names;
  for (int i = 0; i < message->field_count(); ++i) names.push_back(message->field(i)->name());
  return fmt::format("{}", fmt::join(names, ", "));
}

const pb::FieldDescriptor* find_field(const pb::Message& message, const std::string& name,
                                      const std::string& assignment) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  require_user(field != nullptr, Exit::usage, "known here: " + field_names(message.GetDescriptor()),
               "--set {}: there is no field \"{}\"", assignment, name);
  return field;
}

// The text form protobuf's parser expects for this field.
std::string quoted(const pb::FieldDescriptor* field, const std::string& value) {
  const bool is_string = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING;
  if (!is_string || (value.size() >= 2 && value.front() == '"' && value.back() == '"'))
    return value;
  std::string escaped;
  for (const char c : value) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return '"' + escaped + '"';
}

// "an int32", or "a name of FROZEN_SI, LIVE".
std::string expected_kind(const pb::FieldDescriptor* field) {
  if (field->enum_type() == nullptr) {
    const std::string type = field->type_name();
    const bool vowel = std::string("aeiou").find(type.front()) != std::string::npos;
    return (vowel ? "an " : "a ") + type + (field->is_repeated() ? ", or several as 8,4" : "");
  }
  std::string names;
  for (int i = 0; i < field->enum_type()->value_count(); ++i) {
    names += (i == 0 ? "" : ", ") + field->enum_type()->value(i)->name();
  }
  return "a name of " + names;
}

// A field within a kind that was not chosen (of a model, an optimizer, ...) would replace the one
// that was, with all of its fields. `path` names the kind.
void refuse_other_kind(const pb::Message& message, const pb::FieldDescriptor* field,
                       const std::string& path, const std::string& assignment) {
  const pb::OneofDescriptor* choice = field->containing_oneof();
  if (choice == nullptr || choice->is_synthetic()) return;
  const pb::FieldDescriptor* chosen =
      message.GetReflection()->GetOneofFieldDescriptor(message, choice);
  if (chosen == nullptr || chosen == field) return;
  throw Error(Exit::usage,
              fmt::format("--set {}: found {}, but the configuration has {}", assignment,
                          field->name(), chosen->name()),
              fmt::format("to replace it: --set '{}={{...}}'", path));
}

}  // namespace

void assign(v1::Config& config, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  require_user(equals != std::string::npos && equals > 0, Exit::usage,
               "write --set field.subfield=value, for example --set train.epochs=5",
               "--set {}: found no \"=\"", assignment);
  const std::vector<std::string> path = split(assignment.substr(0, equals), '.');
  const std::string value = assignment.substr(equals + 1);

  pb::Message* message = &config;
  std::string place;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const pb::FieldDescriptor* field = find_field(*message, path[i], assignment);
    require_user(field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE && !field->is_repeated(),
                 Exit::usage, "", "--set {}: \"{}\" has no fields of its own", assignment, path[i]);
    place += (place.empty() ? "" : ".") + path[i];
    refuse_other_kind(*message, field, place, assignment);
    message = message->GetReflection()->MutableMessage(message, field);
  }
  const pb::FieldDescriptor* field = find_field(*message, path.back(), assignment);
  message->GetReflection()->ClearField(message, field);
  const std::vector<std::string> values =
      field->is_repeated() ? split(value, ',') : std::vector<std::string>{value};
  for (const std::string& v : values) {
    pb::TextFormat::Parser parser;
    // The default collector prints to stderr; the message below says it better.
    struct Quiet final : pb::io::ErrorCollector {
      void AddError(int, int, const std::string&) override {}
    } quiet;
    parser.RecordErrorsTo(&quiet);
    require_user(parser.ParseFieldValueFromString(quoted(field, v), field, message), Exit::usage,
                 "fields and their types: docs/configuration.md",
                 "--set {}: found \"{}\", expected {}", assignment, v, expected_kind(field));
  }
}

}  // namespace chorale
