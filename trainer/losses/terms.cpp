// The named terms of which a loss is made.

#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale {

Var noted_sum(Tape& t, std::span<const Term> terms) {
  Var sum = terms.front().value;
  for (const Term& term : terms) t.note(term.name, term.value);
  for (const Term& term : terms.subspan(1)) sum = sum + term.value;
  return sum;
}

}  // namespace chorale
