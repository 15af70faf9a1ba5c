// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_tables.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "penstock/error.h"
#include "runtime/io_rows.h"

namespace penstock {
namespace {

absl::Status TableIsFull(const char* of_what, u32 free_rows, const char* option) {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   What(absl::StrCat("the table of ", of_what, " has ", free_rows, " free rows")),
                   Fix(absl::StrCat("revoke handles that are not used any more, or raise ", option)));
}

absl::Status NothingNamed(const char* what, u32 handle) {
  return MakeError(absl::StatusCode::kNotFound, What(absl::StrFormat("handle %#x names no %s that is registered", handle, what)),
                   Fix("use a handle that was registered and not revoked"));
}

/// A place in the roster that is nobody's, or a new one at its end.
template <typename Use, typename Member>
u32 FreeIndex(std::vector<Use>& uses, std::vector<Member>& members) {
  for (u32 index = 0; index < uses.size(); ++index) {
    if (uses[index].rows == 0) return index;
  }
  uses.emplace_back();
  members.emplace_back();
  return static_cast<u32>(uses.size() - 1);
}

}  // namespace

std::optional<u32> IoTables::IndexOf(const Volume* volume) const {
  for (u32 index = 0; index < roster_.volumes.size(); ++index) {
    if (roster_.volumes[index].volume == volume) return index;
  }
  return std::nullopt;
}

u32 IoTables::JoinVolume(const IoSource& source) {
  const u32 index = FreeIndex(volume_uses_, roster_.volumes);
  roster_.volumes[index] = {source.volume, source.routes, source.refusals};
  Change();
  return index;
}

u32 IoTables::JoinPool(const BufferPool* pool) {
  const auto known = std::find(roster_.pools.begin(), roster_.pools.end(), pool);
  if (known != roster_.pools.end()) return static_cast<u32>(known - roster_.pools.begin());
  const u32 index = FreeIndex(pool_uses_, roster_.pools);
  roster_.pools[index] = pool;
  Change();
  return index;
}

absl::StatusOr<u32> IoTables::AddSource(IoSource source) {
  const std::lock_guard lock(mutex_);
  if (sources_.free_count() == 0) return TableIsFull("sources", 0, "max_sources");
  const std::optional<u32> known = IndexOf(source.volume);
  if (known.has_value()) {
    source.routes = roster_.volumes[*known].routes;
    source.refusals = roster_.volumes[*known].refusals;
  }
  PENSTOCK_RETURN_IF_ERROR(CheckAlignment(source));
  source.volume_index = known.has_value() ? *known : JoinVolume(source);
  ++volume_uses_[source.volume_index].open_rows;
  ++volume_uses_[source.volume_index].rows;
  return sources_.Add(source);
}

absl::StatusOr<std::vector<u32>> IoTables::AddDestinations(absl::Span<const IoDestination> destinations) {
  std::vector<u32> handles;
  handles.reserve(destinations.size());
  const std::lock_guard lock(mutex_);
  if (destinations_.free_count() < destinations.size()) {
    return TableIsFull("destinations", destinations_.free_count(), "max_destinations");
  }
  for (IoDestination destination : destinations) {
    destination.pool_index = JoinPool(destination.pool);
    ++pool_uses_[destination.pool_index].open_rows;
    ++pool_uses_[destination.pool_index].rows;
    handles.push_back(destinations_.Add(destination));
  }
  return handles;
}

absl::Status IoTables::CloseSource(u32 handle) {
  const std::lock_guard lock(mutex_);
  if (sources_.Find(handle) == nullptr) return NothingNamed("source", handle);
  sources_.Close(handle);
  return absl::OkStatus();
}

absl::Status IoTables::CloseDestination(u32 handle) {
  const std::lock_guard lock(mutex_);
  if (destinations_.Find(handle) == nullptr) return NothingNamed("destination", handle);
  destinations_.Close(handle);
  return absl::OkStatus();
}

template <typename Row, typename Member>
std::optional<u64> IoTables::Leave(IoTable<Row>& table, u32 handle, u32 Row::*index, std::vector<Use>& uses,
                                   std::vector<Member>& members) {
  const std::lock_guard lock(mutex_);
  Row* const row = table.Find(handle);
  if (row == nullptr) return 0;  // Somebody else has freed it meanwhile.
  if (table.IsPinned(handle)) return std::nullopt;
  if (row->left_version != 0) return row->left_version;
  row->left_version = 1;  // which every thread has seen
  if (--uses[row->*index].open_rows == 0) {
    members[row->*index] = {};
    row->left_version = Change();
  }
  return row->left_version;
}

std::optional<u64> IoTables::LeaveSource(u32 handle) {
  return Leave(sources_, handle, &IoSource::volume_index, volume_uses_, roster_.volumes);
}

std::optional<u64> IoTables::LeaveDestination(u32 handle) {
  return Leave(destinations_, handle, &IoDestination::pool_index, pool_uses_, roster_.pools);
}

void IoTables::FreeSource(u32 handle) {
  const std::lock_guard lock(mutex_);
  const IoSource* const row = sources_.Find(handle);
  if (row == nullptr) return;
  --volume_uses_[row->volume_index].rows;
  sources_.Free(handle);
}

void IoTables::FreeDestination(u32 handle) {
  const std::lock_guard lock(mutex_);
  const IoDestination* const row = destinations_.Find(handle);
  if (row == nullptr) return;
  --pool_uses_[row->pool_index].rows;
  destinations_.Free(handle);
}

IoRoster IoTables::roster() const {
  const std::lock_guard lock(mutex_);
  return roster_;
}

}  // namespace penstock
