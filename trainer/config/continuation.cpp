// What a run and its continuation must agree on: as a digest, and field by field.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>

#include "graph/io/lane_file.h"
#include "kernels/check.h"
#include "trainer/config/config.h"

namespace chorale {
namespace {

namespace pb = google::protobuf;

// What determines the numbers of a run.
v1::Config essential(const v1::Config& config) {
  v1::Config essential;
  essential.set_schema_version(config.schema_version());
  *essential.mutable_model() = config.model();
  *essential.mutable_optimizer() = config.optimizer();
  *essential.mutable_schedule() = config.schedule();
  *essential.mutable_train() = config.train();
  essential.mutable_train()->clear_epochs();
  essential.mutable_train()->clear_early_stop();
  essential.mutable_run()->set_lanes(config.run().lanes());
  return essential;
}

bool holds_default(const pb::Message& message, const pb::FieldDescriptor* field) {
  using pb::FieldDescriptor;
  const pb::Reflection* r = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r->GetInt32(message, field) == field->default_value_int32();
    case FieldDescriptor::CPPTYPE_INT64:
      return r->GetInt64(message, field) == field->default_value_int64();
    case FieldDescriptor::CPPTYPE_UINT64:
      return r->GetUInt64(message, field) == field->default_value_uint64();
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r->GetDouble(message, field) == field->default_value_double();
    case FieldDescriptor::CPPTYPE_BOOL:
      return r->GetBool(message, field) == field->default_value_bool();
    case FieldDescriptor::CPPTYPE_ENUM:
      return r->GetEnum(message, field) == field->default_value_enum();
    case FieldDescriptor::CPPTYPE_STRING:
      return r->GetString(message, field) == field->default_value_string();
    default:
      return false;
  }
}

// Fields that say what would be so anyway; messages stay, for their presence may choose something.
void drop_defaults(pb::Message& message) {
  const pb::Reflection* r = message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  r->ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    if (field->is_repeated()) continue;
    if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
      drop_defaults(*r->MutableMessage(&message, field));
    } else if (holds_default(message, field)) {
      r->ClearField(&message, field);
    }
  }
}

// One value, or that of a list; the default where the field is not set.
std::string value_of(const pb::Message& message, const pb::FieldDescriptor* field) {
  const auto printed = [&](int place) {
    std::string text;
    pb::TextFormat::PrintFieldValueToString(message, field, place, &text);
    return text;
  };
  if (!field->is_repeated()) return printed(-1);
  std::vector<std::string> values;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
    values.push_back(printed(i));
  }
  return fmt::format("[{}]", fmt::join(values, ", "));
}

// The fields of two messages of one type that differ, as drop_defaults sees them.
class Differences {
 public:
  void compare(const pb::Message& run, const pb::Message& asked, const std::string& path) {
    const pb::Descriptor* type = run.GetDescriptor();
    for (int i = 0; i < type->oneof_decl_count(); ++i) {
      note(path, choice(run, type->oneof_decl(i)), choice(asked, type->oneof_decl(i)));
    }
    for (int i = 0; i < type->field_count(); ++i) {
      const pb::FieldDescriptor* field = type->field(i);
      const std::string name = path.empty() ? field->name() : path + "." + field->name();
      if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
        compare_messages(run, asked, field, name);
      } else {
        note(name, value_of(run, field), value_of(asked, field));
      }
    }
  }
  std::vector<std::string> lines() const { return lines_; }

 private:
  void note(const std::string& name, const std::string& run, const std::string& asked) {
    if (run != asked)
      lines_.push_back(fmt::format("{}: {} in the run, {} asked for", name, run, asked));
  }

  static std::string choice(const pb::Message& message, const pb::OneofDescriptor* of) {
    const pb::FieldDescriptor* field =
        message.GetReflection()->GetOneofFieldDescriptor(message, of);
    return field == nullptr ? "nothing" : field->name();
  }

  void compare_messages(const pb::Message& run, const pb::Message& asked,
                        const pb::FieldDescriptor* field, const std::string& name) {
    const pb::Reflection* r = run.GetReflection();
    const auto text = [&](const pb::Message& m) {
      return r->HasField(m, field)
                 ? fmt::format("{{ {} }}", r->GetMessage(m, field).ShortDebugString())
                 : "nothing";
    };
    if (r->HasField(run, field) && r->HasField(asked, field)) {
      compare(r->GetMessage(run, field), r->GetMessage(asked, field), name);
    } else if (field->containing_oneof() == nullptr) {  // of a oneof the choice is noted
      note(name, text(run), text(asked));
    }
  }

  std::vector<std::string> lines_;
};

}  // namespace

std::string config_digest(const v1::Config& config) {
  v1::Config what = essential(config);
  drop_defaults(what);  // a default that is written down is the same configuration
  return digest_of(to_text(what)).hex();
}

std::vector<std::string> config_differences(const v1::Config& run, const v1::Config& asked) {
  Differences differences;
  differences.compare(essential(run), essential(asked), "");
  return differences.lines();
}

}  // namespace chorale
