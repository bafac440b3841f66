// Dense transcriptions of the papers' formulas: plain loops over whole matrices, independent of the
// trainer.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/tiny.h"

namespace chorale::test {

using Dense = std::vector<std::vector<double>>;
using Textbook = std::function<Dense(const v1::Model&, Experiment&)>;

// Fails the test if there is no transcription of this model: a new model adds one.
Textbook textbook(const std::string& model);

}  // namespace chorale::test
