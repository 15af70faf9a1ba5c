// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/volume.h"

#include <utility>

#include "penstock/error.h"
#include "runtime/c/error.h"

struct penstock_volume {
  penstock::Volume volume;
};

namespace penstock::c {
namespace {

absl::Status Open(const char* name, penstock_volume** volume) {
  if (name == nullptr) return NullArgument("penstock_volume_open", "name");
  if (volume == nullptr) return NullArgument("penstock_volume_open", "volume");
  PENSTOCK_ASSIGN_OR_RETURN(Volume opened, Volume::Open(name));
  *volume = new penstock_volume{std::move(opened)};
  return absl::OkStatus();
}

}  // namespace
}  // namespace penstock::c

int penstock_volume_open(const char* name, penstock_volume** volume, penstock_error** error) {
  return penstock::c::Guarded(error, [&] { return penstock::c::Open(name, volume); });
}

uint64_t penstock_volume_size_bytes(const penstock_volume* volume) { return volume != nullptr ? volume->volume.size_bytes() : 0; }

uint32_t penstock_volume_block_bytes(const penstock_volume* volume) {
  return volume != nullptr ? volume->volume.block_bytes() : 0;
}

void penstock_volume_close(penstock_volume* volume) { delete volume; }
