// What is wrong with a command line, in the form of the other errors.
#pragma once

#include "kernels/check.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace chorale {

// Error (Exit::usage) for what the parser of `program` threw: "train: found --dryrun, expected
// one of its options", with the nearest option or command as a hint.
Error usage_error(const CLI::App& program, const CLI::ParseError& thrown);

}  // namespace chorale
