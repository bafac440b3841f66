#include "kernels/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <memory>
#include <mutex>

#include "kernels/check.h"

namespace chorale {
namespace {

constexpr const char* kName = "chorale";
constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                 spdlog::level::warn, spdlog::level::err};

std::string pattern(int rank) { return fmt::format("[%H:%M:%S.%e] [%^%l%$] r{} %v", rank); }

// Hands on to all others, which may be added while somebody logs: ranks can be threads.
using Distributor = spdlog::sinks::dist_sink_mt;

std::shared_ptr<spdlog::logger> logger() {
  static std::mutex first_use;
  const std::lock_guard lock(first_use);
  if (spdlog::get(kName) == nullptr) configure_log(0);
  return spdlog::get(kName);
}

}  // namespace

void configure_log(int rank, bool quiet, bool verbose) {
  auto console = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  console->set_level(quiet || rank != 0 ? spdlog::level::warn
                     : verbose          ? spdlog::level::debug
                                        : spdlog::level::info);
  console->set_pattern(pattern(rank));
  auto distributor = std::make_shared<Distributor>();
  distributor->add_sink(std::move(console));
  auto made = std::make_shared<spdlog::logger>(kName, std::move(distributor));
  made->set_level(spdlog::level::debug);
  made->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(made));
}

void add_log_file(const std::string& folder, int rank) {
  const std::string path =
      (std::filesystem::path(folder) / fmt::format("rank-{:04}.log", rank)).string();
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    file->set_level(spdlog::level::debug);
    file->set_pattern(fmt::format("[%Y-%m-%d %H:%M:%S.%e] [%l] r{} %v", rank));
    std::static_pointer_cast<Distributor>(logger()->sinks().front())->add_sink(std::move(file));
  } catch (const spdlog::spdlog_ex& e) {
    throw Error(Exit::io, fmt::format("{}: cannot write the log: {}", path, e.what()),
                "choose a folder that exists and can be written");
  }
}

void log_message(int level, const std::string& text) {
  logger()->log(kLevels[level < 0 || level > 3 ? 3 : level], text);
}

}  // namespace chorale
