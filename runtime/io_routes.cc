// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_routes.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "runtime/io_lanes.h"

namespace penstock {

std::optional<Refusal> IoRouteChooser::WhyNotOn(const BufferPool& pool, ReadPath path) {
  const auto [it, is_new] = opened_.try_emplace({path, &pool});
  if (!is_new) return it->second;
  std::vector<std::unique_ptr<ReadQueue>> queues;
  while (queues.size() < options_.threads) {
    absl::StatusOr<std::unique_ptr<ReadQueue>> queue = options_.open_queue(path, pool, IoQueueOptions(options_));
    if (!queue.ok()) return it->second = RefusalOf(path, queue.status());
    queues.push_back(*std::move(queue));
  }
  return std::nullopt;
}

std::optional<Refusal> IoRouteChooser::WhyNot(const Volume& volume, absl::Span<const BufferPool* const> pools, IoMemory kind,
                                              ReadPath path) {
  if (!volume.Supports(path)) return volume.support(path).refusal;
  // Plain reads have nothing to probe that the reads themselves do not tell.
  if (path == ReadPath::kPread) return std::nullopt;
  for (const BufferPool* const pool : pools) {
    if (pool->is_device_memory() != (kind == IoMemory::kDevice)) continue;
    if (std::optional<Refusal> refusal = WhyNotOn(*pool, path)) return refusal;
  }
  if (volume.size_bytes() == 0) return std::nullopt;
  const auto [it, is_new] = probed_.try_emplace({path, volume.file_system(), kind});
  if (is_new) {
    const BufferPoolMaker host = BufferPool::Create;
    it->second = ProbePath(path, volume, kind == IoMemory::kDevice ? options_.make_probe_pool : host, IoQueueOptions(options_));
  }
  return it->second;
}

std::optional<IoRoute> IoRouteChooser::ChooseFor(const Volume& volume, absl::Span<const BufferPool* const> pools, IoMemory kind,
                                                 std::vector<Refusal>& refusals) {
  const std::vector<ReadPath> paths =
      options_.path.has_value() ? std::vector<ReadPath>{*options_.path} : AutomaticPaths(volume, kind == IoMemory::kDevice);
  for (const ReadPath path : paths) {
    std::optional<Refusal> refusal = WhyNot(volume, pools, kind, path);
    if (!refusal.has_value()) {
      const PathSupport& support = volume.support(path);
      return IoRoute{path, support.offset_alignment_bytes, support.memory_alignment_bytes};
    }
    log_.Add(absl::StrCat(volume.name(), ": path ", std::string(ReadPathName(path)), " is not used: ", refusal->cause,
                          ". Fix: ", refusal->remedy, "."));
    refusals.push_back(*std::move(refusal));
  }
  return std::nullopt;
}

absl::Status IoRouteChooser::Choose(absl::Span<const BufferPool* const> pools, IoSource& source) {
  const std::lock_guard lock(mutex_);
  const Refusal* last = nullptr;
  for (const IoMemory kind : kIoMemories) {
    if (kind == IoMemory::kDevice && !has_device_memory_) continue;
    std::vector<Refusal>& refusals = source.refusals[static_cast<size_t>(kind)];
    source.routes[static_cast<size_t>(kind)] = ChooseFor(*source.volume, pools, kind, refusals);
    if (!refusals.empty()) last = &refusals.back();
  }
  const bool has_route =
      std::any_of(source.routes.begin(), source.routes.end(), [](const auto& route) { return route.has_value(); });
  if (has_route) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   What(absl::StrCat(source.volume->name(), ": no path works for requests of a kernel: ", last->cause)),
                   Fix(last->remedy));
}

void IoRouteChooser::ForgetPools() {
  const std::lock_guard lock(mutex_);
  opened_.clear();
}

}  // namespace penstock
