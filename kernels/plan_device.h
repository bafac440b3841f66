// A device that only plans: memory is counted and addressed but never backed, kernels do nothing.
// Running a program on it once says exactly what memory the program needs, before any of it exists.
#pragma once

#include <memory>

#include "kernels/device.h"

namespace chorale {

// Reading or writing the memory it hands out is a crash; uploads vanish and downloads give zeros.
std::unique_ptr<Device> make_plan_device();

// Is it one of those? Asked where what a device computed decides how much memory comes next.
bool only_plans(const Device& device);

}  // namespace chorale
