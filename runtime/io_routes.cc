// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_routes.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "runtime/io_lanes.h"

namespace penstock {

std::optional<Refusal> IoRouteChooser::WhyNot(const Volume& volume, IoMemory kind, ReadPath path) {
  if (!volume.Supports(path)) return volume.support(path).refusal;
  // Plain reads have nothing to probe that the reads themselves do not tell.
  if (path == ReadPath::kPread || volume.size_bytes() == 0) return std::nullopt;
  const auto [it, is_new] = probed_.try_emplace({path, volume.file_system(), kind});
  if (is_new) {
    const BufferPoolMaker host = BufferPool::Create;
    it->second = ProbePath(path, volume, kind == IoMemory::kDevice ? options_.make_probe_pool : host, IoQueueOptions(options_));
  }
  return it->second;
}

std::optional<IoRoute> IoRouteChooser::ChooseFor(const Volume& volume, IoMemory kind, std::optional<Refusal>& last) {
  const std::vector<ReadPath> paths =
      options_.path.has_value() ? std::vector<ReadPath>{*options_.path} : AutomaticPaths(volume, kind == IoMemory::kDevice);
  for (const ReadPath path : paths) {
    std::optional<Refusal> refusal = WhyNot(volume, kind, path);
    if (!refusal.has_value()) {
      const PathSupport& support = volume.support(path);
      return IoRoute{path, support.offset_alignment_bytes, support.memory_alignment_bytes};
    }
    log_.Add(absl::StrCat(volume.name(), ": path ", std::string(ReadPathName(path)), " is not used: ", refusal->cause,
                          ". Fix: ", refusal->remedy, "."));
    last = std::move(refusal);
  }
  return std::nullopt;
}

absl::StatusOr<IoRoutes> IoRouteChooser::Choose(const Volume& volume) {
  const std::lock_guard lock(mutex_);
  IoRoutes routes;
  std::optional<Refusal> last;
  for (const IoMemory kind : kIoMemories) {
    if (kind == IoMemory::kDevice && !has_device_memory_) continue;
    routes[static_cast<size_t>(kind)] = ChooseFor(volume, kind, last);
  }
  for (const auto& route : routes) {
    if (route.has_value()) return routes;
  }
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   What(absl::StrCat(volume.name(), ": no path works for requests of a kernel: ", last->cause)),
                   Fix(last->remedy));
}

}  // namespace penstock
