#include "comm/topology.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "comm/typed.h"
#include "kernels/check.h"
#include "kernels/device.h"

namespace chorale {
namespace {

// Every rank's line of text, in rank order. Collective.
std::vector<std::string> gather_lines(Communicator& host, std::string line) {
  line += '\n';
  std::vector<std::string> lines(1);
  for (const char c : gather_all<char>(host, line)) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  lines.pop_back();
  return lines;
}

// Containers may give one name to several hosts, so it takes what the system drew when it started.
std::string machine_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  std::getline(file, boot);
  return host_name() + ' ' + boot;
}

}  // namespace

std::vector<int> local_ranks(std::span<const std::string> hosts) {
  std::map<std::string, int> ranks_of;
  std::vector<int> numbers;
  for (const std::string& host : hosts) numbers.push_back(ranks_of[host]++);
  return numbers;
}

std::vector<Seat> take_seats(Communicator& host) {
  const std::vector<std::string> names = gather_lines(host, host_name());
  const std::vector<std::string> machines = gather_lines(host, machine_id());
  const int gpus = count_gpus();
  const std::vector<int> counts = gather_all<int>(host, std::span(&gpus, 1));
  const std::vector<int> numbers = local_ranks(machines);
  std::vector<Seat> seats;
  for (std::size_t r = 0; r < names.size(); ++r) {
    const int ordinal = counts[r] == 0 ? 0 : numbers[r] % counts[r];
    seats.push_back({names[r], machines[r], counts[r], ordinal, ""});
  }
  const Seat& mine = seats[static_cast<std::size_t>(host.rank())];
  const auto addresses = gather_lines(host, mine.gpus == 0 ? "" : gpu_address(mine.ordinal));
  for (std::size_t r = 0; r < seats.size(); ++r) seats[r].address = addresses[r];
  return seats;
}

std::optional<Seat> shared_seat(std::span<const Seat> seats) {
  std::set<std::pair<std::string, std::string>> taken;
  for (const Seat& s : seats) {
    if (!taken.emplace(s.machine, s.address).second) return s;
  }
  return std::nullopt;
}

Transport choose_transport(std::span<const Seat> seats, bool has_nccl) {
  if (seats.size() == 1) return Transport::self;
  return has_nccl && !shared_seat(seats) ? Transport::nccl : Transport::staged;
}

std::string describe(std::span<const Seat> seats, const std::string& nccl) {
  std::set<std::string> machines;
  for (const Seat& s : seats) machines.insert(s.machine);
  const std::string hosts = machines.size() == 1 ? "host " + seats.front().host
                                                 : fmt::format("{} hosts", machines.size());
  switch (choose_transport(seats, !nccl.empty())) {
    case Transport::self:
      return fmt::format("GPU {} of {}", seats.front().ordinal, hosts);
    case Transport::nccl:
      return fmt::format("{} GPUs of {}, messages by NCCL {}", seats.size(), hosts, nccl);
    case Transport::staged:
      break;
  }
  const std::optional<Seat> shared = shared_seat(seats);
  if (!shared) {
    return fmt::format(
        "{} GPUs of {}, no NCCL in this build: messages go through the host over MPI", seats.size(),
        hosts);
  }
  const auto sharing = std::ranges::count_if(seats, [&](const Seat& s) {
    return s.machine == shared->machine && s.address == shared->address;
  });
  return fmt::format("{} ranks share GPU {} of host {}: messages go through the host over MPI",
                     sharing, shared->ordinal, shared->host);
}

}  // namespace chorale
