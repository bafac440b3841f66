#include "trainer/commands/usage.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>
#include <utility>

namespace chorale {
namespace {

using Names = std::vector<std::string>;

// The innermost command that was given.
const CLI::App& given_command(const CLI::App& program) {
  const CLI::App* command = &program;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().back();
  return *command;
}

// "generate planted"; empty for the program.
std::string path_of(const CLI::App& command) {
  if (command.get_parent() == nullptr) return "";
  const std::string before = path_of(*command.get_parent());
  return before.empty() ? command.get_name() : before + " " + command.get_name();
}

Names commands_of(const CLI::App& command) {
  Names names;
  for (const CLI::App* c : command.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(c->get_name());
  }
  return names;
}

// Its own and those that hold for all commands.
std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  std::vector<const CLI::Option*> options = command.get_options();
  if (command.get_parent() == nullptr) return options;
  const std::vector<const CLI::Option*> more = options_of(*command.get_parent());
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

Names long_names_of(const CLI::App& command) {
  Names names;
  for (const CLI::Option* option : options_of(command)) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// Letters to be inserted, removed or replaced to make one of the other (Levenshtein 1966).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

// The name that was probably meant: at most half of its letters are wrong. Empty if there is none.
std::string nearest(const std::string& word, const Names& names) {
  const auto letters = [](const std::string& name) {
    return name.substr(std::min(name.find_first_not_of('-'), name.size()));
  };
  std::string best;
  std::size_t least = letters(word).size() / 2 + 1;
  for (const std::string& name : names) {
    const std::size_t d = distance(letters(word), letters(name));
    if (d < least) least = d, best = name;
  }
  return best;
}

Error error_of(const CLI::App& command, const std::string& message, const std::string& hint) {
  const std::string path = path_of(command);
  return {Exit::usage, path.empty() ? message : fmt::format("{}: {}", path, message),
          fmt::format("{}chorale {}{}--help shows all", hint.empty() ? "" : hint + "; ", path,
                      path.empty() ? "" : " ")};
}

Error unexpected(const CLI::App& command, const std::string& word) {
  const bool is_option = word.starts_with("-");
  const std::string name = word.substr(0, word.find('='));
  const Names known = is_option ? long_names_of(command) : commands_of(command);
  const std::string near = nearest(name, known);
  std::string hint = near.empty() ? "" : "the nearest is " + near;
  if (near == name) hint = "an option stands behind its command";
  std::string expected = "nothing more";
  if (is_option) expected = "one of its options";
  if (!is_option && !known.empty()) expected = fmt::format("one of {}", fmt::join(known, ", "));
  return error_of(command, fmt::format("found {}, expected {}", name, expected), hint);
}

Error missing(const CLI::App& command) {
  const Names commands = commands_of(command);
  for (const CLI::Option* option : options_of(command)) {
    if (!option->get_required() || option->count() > 0) continue;
    const std::string name = option->get_name();
    return error_of(command, fmt::format("found no {}, expected one", name),
                    fmt::format("{}: {}", name, option->get_description()));
  }
  return error_of(
      command, fmt::format("found no command, expected one of {}", fmt::join(commands, ", ")), "");
}

// What the parser says of this option; empty if it speaks of another.
std::string misfit(const CLI::Option& option, const std::string& text) {
  const std::string name = option.get_name(), type = option.get_type_name();
  if (text.find(": " + name + " = ") != std::string::npos) {
    return fmt::format("found {} {}, expected {}", name, fmt::join(option.results(), ","),
                       type.empty() ? "no value" : type);
  }
  if (!text.starts_with(name + ":")) return "";
  if (text.ends_with("missing")) {
    return fmt::format("found {} without a value, expected {}", name, type);
  }
  return option.count() > 1 ? fmt::format("found {} {} times, expected once", name, option.count())
                            : text;
}

Error unfit(const CLI::App& command, const std::string& text) {
  for (const CLI::Option* option : options_of(command)) {
    const std::string message = misfit(*option, text);
    if (message.empty()) continue;
    return error_of(command, message,
                    fmt::format("{}: {}", option->get_name(), option->get_description()));
  }
  return error_of(command, text, "");
}

}  // namespace

Error usage_error(const CLI::App& program, const CLI::ParseError& thrown) {
  const CLI::App& command = given_command(program);
  const bool lacks = dynamic_cast<const CLI::RequiredError*>(&thrown) != nullptr;
  if (!lacks && dynamic_cast<const CLI::ExtrasError*>(&thrown) == nullptr) {
    return unfit(command, thrown.what());
  }
  // What is lacking may be there under a wrong name.
  Names words = program.remaining(true);
  if (words.empty()) return missing(command);
  const auto option = std::ranges::find_if(words, [](auto& w) { return w.starts_with("-"); });
  return unexpected(command, option == words.end() ? words.front() : *option);
}

}  // namespace chorale
