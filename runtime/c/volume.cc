// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/volume.h"

#include <utility>

#include "runtime/c/error.h"

struct penstock_volume {
  penstock::Volume volume;
};

int penstock_volume_open(const char* name, penstock_volume** volume, penstock_error** error) {
  if (name == nullptr) return penstock::c::Report(penstock::c::NullArgument("penstock_volume_open", "name"), error);
  if (volume == nullptr) return penstock::c::Report(penstock::c::NullArgument("penstock_volume_open", "volume"), error);
  absl::StatusOr<penstock::Volume> opened = penstock::Volume::Open(name);
  const absl::Status status = opened.status();
  if (status.ok()) *volume = new penstock_volume{*std::move(opened)};
  return penstock::c::Report(status, error);
}

uint64_t penstock_volume_size_bytes(const penstock_volume* volume) { return volume != nullptr ? volume->volume.size_bytes() : 0; }

uint32_t penstock_volume_block_bytes(const penstock_volume* volume) {
  return volume != nullptr ? volume->volume.block_bytes() : 0;
}

void penstock_volume_close(penstock_volume* volume) { delete volume; }
