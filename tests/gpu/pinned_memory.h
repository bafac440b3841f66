// Host memory that GPUs reach too, so that a scene of the kernels' catalogue can lie there.
#pragma once

#include <memory>
#include <memory_resource>

namespace chorale::test {

std::unique_ptr<std::pmr::memory_resource> make_pinned_memory();

}  // namespace chorale::test
