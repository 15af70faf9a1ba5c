// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/reader_set.h"

#include <algorithm>

#include "absl/types/span.h"
#include "penstock/check.h"
#include "penstock/error.h"

namespace penstock {
namespace {

// How late a read of another reader can be noticed.
constexpr absl::Duration kWaitBesideOthers = absl::Milliseconds(1);

}  // namespace

void ReaderSet::Add(Reader& reader) {
  const bool known =
      std::any_of(members_.begin(), members_.end(), [&](const Member& member) { return member.reader == &reader; });
  if (!known) members_.push_back({.reader = &reader, .expected_ns = 0});
}

void ReaderSet::Remove(const Reader& reader) {
  const auto member = std::find_if(members_.begin(), members_.end(), [&](const Member& each) { return each.reader == &reader; });
  PENSTOCK_CHECK(member != members_.end() && reader.in_flight() == 0);
  members_.erase(member);
}

bool ReaderSet::AnyInFlight() const {
  return std::any_of(members_.begin(), members_.end(), [](const Member& member) { return member.reader->in_flight() > 0; });
}

absl::Status ReaderSet::Wait(absl::Duration timeout, absl::FunctionRef<void(const ChunkResult&)> take) {
  Member* soonest = nullptr;
  size_t in_use = 0;
  for (Member& member : members_) {
    if (member.reader->in_flight() == 0) continue;
    ++in_use;
    if (soonest == nullptr || member.expected_ns < soonest->expected_ns) soonest = &member;
  }
  if (in_use == 0) return absl::OkStatus();
  if (in_use == 1) return Collect(*soonest, timeout, take).status();

  size_t collected = 0;
  absl::Status first_error;
  for (Member& member : members_) {
    if (member.reader->in_flight() == 0) continue;
    const absl::StatusOr<size_t> count = Collect(member, absl::ZeroDuration(), take);
    if (count.ok()) {
      collected += *count;
    } else if (first_error.ok()) {
      first_error = count.status();
    }
  }
  if (!first_error.ok() || collected > 0) return first_error;
  timeout = std::min(timeout, kWaitBesideOthers);
  PENSTOCK_ASSIGN_OR_RETURN(collected, Collect(*soonest, timeout, take));
  // Waited for in vain: the longer that goes on, the more likely another one is to be first.
  if (collected == 0) soonest->expected_ns += static_cast<uint64_t>(absl::ToInt64Nanoseconds(timeout));
  return absl::OkStatus();
}

absl::StatusOr<size_t> ReaderSet::Collect(Member& member, absl::Duration timeout,
                                          absl::FunctionRef<void(const ChunkResult&)> take) {
  PENSTOCK_ASSIGN_OR_RETURN(const size_t count, member.reader->Wait(absl::MakeSpan(results_), timeout));
  for (size_t i = 0; i < count; ++i) take(results_[i]);
  if (count > 0) member.expected_ns = results_[count - 1].latency_ns;
  return count;
}

void ReaderSet::CancelAll() {
  for (Member& member : members_) member.reader->CancelAll();
}

absl::Status ReaderSet::Drain(absl::Duration timeout) {
  absl::Status first_error;
  for (Member& member : members_) {
    if (const absl::Status drained = member.reader->Drain(timeout); first_error.ok()) first_error = drained;
  }
  return first_error;
}

}  // namespace penstock
