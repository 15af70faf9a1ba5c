// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What requests of a kernel may name: the tables of sources and destinations, and the volumes and pools behind their rows.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/buffer_pool.h"
#include "penstock/read_path.h"
#include "penstock/volume.h"
#include "runtime/io_table.h"

namespace penstock {

/// The kinds of memory that a path is chosen for.
enum class IoMemory : u32 { kHost = 0, kDevice = 1 };
inline constexpr std::array kIoMemories = {IoMemory::kHost, IoMemory::kDevice};

/// How a source's bytes get into memory of one kind.
struct IoRoute {
  ReadPath path = ReadPath::kPread;
  u32 offset_alignment_bytes = 1;
  u32 memory_alignment_bytes = 1;
};
/// By IoMemory; nothing where no path works.
using IoRoutes = std::array<std::optional<IoRoute>, kIoMemories.size()>;
/// By IoMemory: the paths that were tried before the route's, and why they were not taken.
using IoRefusals = std::array<std::vector<Refusal>, kIoMemories.size()>;

struct IoSource {
  const Volume* volume = nullptr;
  u64 base_bytes = 0;
  u64 length_bytes = 0;
  bool may_read = false;
  bool may_write = false;
  IoRoutes routes = {};
  IoRefusals refusals = {};
  u32 volume_index = 0;  // in the roster; set by AddSource
  u64 left_version = 0;  // see LeaveSource; 0: it has not left
};

struct IoDestination {
  const BufferPool* pool = nullptr;
  absl::Span<std::byte> memory = {};
  IoMemory kind = IoMemory::kHost;
  u32 pool_index = 0;    // in the roster; set by AddDestinations
  u64 left_version = 0;  // see LeaveDestination; 0: it has not left
};

/// What the serving threads have to have ready. An index means the same volume or pool until every thread has seen it gone.
struct IoRoster {
  struct Member {
    const Volume* volume = nullptr;  // null: nothing is here
    IoRoutes routes = {};
    IoRefusals refusals = {};
  };
  std::vector<Member> volumes;
  std::vector<const BufferPool*> pools;  // null: nothing is here
};

/// Threads: any. Only Pin, Unpin and version() are for requests: they take no lock.
class IoTables {
 public:
  IoTables(u32 max_sources, u32 max_destinations) : sources_(max_sources), destinations_(max_destinations) {}

  const IoSource* PinSource(u32 handle) { return sources_.Pin(handle); }
  void UnpinSource(u32 handle) { sources_.Unpin(handle); }
  const IoDestination* PinDestination(u32 handle) { return destinations_.Pin(handle); }
  void UnpinDestination(u32 handle) { destinations_.Unpin(handle); }

  /// A volume that is on the roster keeps its routes: the threads have it in the queues of those, whatever may have been found
  /// to work meanwhile. Errors: ResourceExhausted; InvalidArgument: the extent is not aligned as the routes need it.
  absl::StatusOr<u32> AddSource(IoSource source);
  /// All of one pool, or none. Errors: ResourceExhausted.
  absl::StatusOr<std::vector<u32>> AddDestinations(absl::Span<const IoDestination> destinations);

  // Revoking, in this order; each may be repeated. Errors: NotFound.
  /// Nobody pins it any more.
  absl::Status CloseSource(u32 handle);
  absl::Status CloseDestination(u32 handle);
  /// Takes volume or pool off the roster if the row was the last one of it: the version that every serving thread has to have
  /// seen before the row is freed. Nothing while the row is pinned.
  std::optional<u64> LeaveSource(u32 handle);
  std::optional<u64> LeaveDestination(u32 handle);
  void FreeSource(u32 handle);
  void FreeDestination(u32 handle);

  /// Grows with every change of the roster. Whoever has pinned a row sees a version that has its volume or pool.
  u64 version() const { return version_.load(std::memory_order_acquire); }
  IoRoster roster() const;

 private:
  /// Rows of a volume or pool, by its index in the roster.
  struct Use {
    u32 open_rows = 0;  // have not left; without any it is taken off the roster
    u32 rows = 0;       // are not freed; without any the index may be another's
  };

  std::optional<u32> IndexOf(const Volume* volume) const;
  u32 JoinVolume(const IoSource& source);
  u32 JoinPool(const BufferPool* pool);
  template <typename Row, typename Member>
  std::optional<u64> Leave(IoTable<Row>& table, u32 handle, u32 Row::*index, std::vector<Use>& uses,
                           std::vector<Member>& members);
  u64 Change() { return version_.fetch_add(1, std::memory_order_release) + 1; }

  mutable std::mutex mutex_;  // of everything but pinning
  IoTable<IoSource> sources_;
  IoTable<IoDestination> destinations_;
  IoRoster roster_;
  std::vector<Use> volume_uses_;  // as the roster's volumes
  std::vector<Use> pool_uses_;    // as the roster's pools
  std::atomic<u64> version_{1};
};

}  // namespace penstock
