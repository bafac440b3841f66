// A device that only plans: memory is counted and addressed but never backed, kernels do nothing.
// Running a program on it once says exactly what memory the program needs, before any of it exists.
#pragma once

#include <memory>
#include <optional>

#include "kernels/device.h"

namespace chorale {

// What to do where a result decides how much memory comes next: find it out on a CPU, however long
// that takes, or go on with one that asks for about as much as any.
enum class PlanKind { exact, quick };

// Reading or writing the memory it hands out is a crash; uploads vanish and downloads give zeros.
std::unique_ptr<Device> make_plan_device(PlanKind kind);

// None if it is a device that computes.
std::optional<PlanKind> plan_kind(const Device& device);

}  // namespace chorale
