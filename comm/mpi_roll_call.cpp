#include "comm/mpi_roll_call.h"

#include <algorithm>

#include "comm/mpi_check.h"
#include "kernels/check.h"
#include "kernels/log.h"

namespace chorale {
namespace {

using std::chrono::milliseconds;

constexpr int kTag = 1;
constexpr int kTellers = 2;          // ranks that hear of the others
constexpr milliseconds kEvery{500};  // between announcements

double seconds_of(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace

RollCall::RollCall(MPI_Comm group, const Patience& patience) : patience_(patience) {
  check_mpi(MPI_Comm_dup(group, &comm_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  is_waiting_.assign(static_cast<std::size_t>(size_), 0);
}

RollCall::~RollCall() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) MPI_Comm_free(&comm_);
}

RollCall::Times RollCall::times() const {
  const milliseconds end = patience_.until_given_up;
  if (end.count() == 0) return {patience_.until_said, kEvery, patience_.until_said + 2 * kEvery};
  const milliseconds first = std::min(patience_.until_said, end / 2);
  const milliseconds every = std::min(kEvery, end / 8);
  return {first, every, first + 2 * every};
}

void RollCall::look(Verb verb, Index call) {
  const Clock::time_point now = Clock::now();
  if (call != call_) {
    call_ = call;
    since_ = now;
    announced_ = 0;
    is_told_ = false;
    return;
  }
  const auto waited = now - since_;
  const Times t = times();
  if (waited >= t.first + announced_ * t.every) announce();
  if (!is_told_ && waited >= t.told) tell(verb, seconds_of(waited));
  if (patience_.until_given_up.count() > 0 && waited >= patience_.until_given_up) {
    throw Error(
        Exit::peer_lost,
        fmt::format("{} (call {}): rank {} of {} on host {} has waited for {:.0f} s{}", name(verb),
                    call, rank_, size_, host_name(), seconds_of(waited), late_ranks()),
        "look at the log of the rank that did not come; run.patience says how long ranks "
        "wait for one another");
  }
}

void RollCall::announce() {
  if (announced_ == 0) {
    listen();  // to what was said in earlier calls
    std::ranges::fill(is_waiting_, 0);
  }
  ++announced_;
  for (int r = 0; r < std::min(kTellers, size_); ++r) {
    if (r == rank_) continue;
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Isend(&word_, 1, MPI_CHAR, r, kTag, comm_, &request), "MPI_Isend");
    check_mpi(MPI_Request_free(&request), "MPI_Request_free");
  }
}

void RollCall::listen() {
  while (true) {
    MPI_Status status;
    int is_there = 0;
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kTag, comm_, &is_there, &status), "MPI_Iprobe");
    if (is_there == 0) return;
    char word = 0;
    check_mpi(MPI_Recv(&word, 1, MPI_CHAR, status.MPI_SOURCE, kTag, comm_, MPI_STATUS_IGNORE),
              "MPI_Recv");
    is_waiting_[static_cast<std::size_t>(status.MPI_SOURCE)] = 1;
  }
}

std::vector<int> RollCall::silent_ranks() {
  listen();
  std::vector<int> silent;
  for (int r = 0; r < size_; ++r) {
    if (r != rank_ && is_waiting_[static_cast<std::size_t>(r)] == 0) silent.push_back(r);
  }
  return silent;
}

std::string RollCall::late_ranks() {
  if (rank_ >= kTellers) return "";
  const std::vector<int> silent = silent_ranks();
  return silent.empty() ? "" : fmt::format("; not there: rank {}", fmt::join(silent, ", "));
}

void RollCall::tell(Verb verb, double seconds) {
  is_told_ = true;
  if (rank_ >= kTellers) return;
  const std::vector<int> silent = silent_ranks();
  const bool other_tells = rank_ == 1 && std::ranges::find(silent, 0) == silent.end();
  if (silent.empty() || other_tells) return;
  log_warning("{} (call {}): rank {} of {} has not come for {:.0f} s", name(verb), call_,
              fmt::join(silent, ", "), size_, seconds);
}

}  // namespace chorale
