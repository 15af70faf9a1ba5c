// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/c/device.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "runtime/c/error.h"
#include "runtime/c/options.h"
#include "runtime/host/gpus.h"

namespace penstock::c {
namespace {

using DeviceOrError = absl::StatusOr<std::unique_ptr<Device>>;

DeviceOptions OptionsOf(const penstock_device_options& given) {
  DeviceOptions options;
  options.workgroups = given.workgroups;
  if (given.ring_slots != 0) options.ring.slot_counts.fill(given.ring_slots);
  if (given.slot_limit_ms != 0) options.slot_limit = absl::Milliseconds(given.slot_limit_ms);
  return options;
}

DeviceOrError MakeCpu(const DeviceOptions& options) { return MakeCpuDevice<>(CpuOptionsOf(options)); }

/// Which GPU "hip" or "hip:N" names; nothing for other names.
std::optional<u32> GpuIndexOf(std::string_view name) {
  if (name == "hip") return 0;
  constexpr std::string_view kPrefix = "hip:";
  u32 index = 0;
  if (name.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  const std::string_view digits = name.substr(kPrefix.size());
  return absl::SimpleAtoi(absl::string_view(digits.data(), digits.size()), &index) ? std::optional(index) : std::nullopt;
}

DeviceOrError Make(std::string_view name, const DeviceOptions& options) {
  if (name == "cpu") return MakeCpu(options);
  if (name == "auto") {
    DeviceOrError gpu = host::MakeGpuDevice(0, options);
    return gpu.ok() ? std::move(gpu) : MakeCpu(options);
  }
  const std::optional<u32> index = GpuIndexOf(name);
  if (index.has_value()) return host::MakeGpuDevice(*index, options);
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("there is no device '", std::string(name), "'")),
                   Fix("name cpu, hip, hip:N or auto"));
}

absl::Status Open(const char* name, const penstock_device_options* given, penstock_device** device) {
  if (device == nullptr) return NullArgument("penstock_device_open", "device");
  if (name == nullptr) return NullArgument("penstock_device_open", "name");
  PENSTOCK_ASSIGN_OR_RETURN(const penstock_device_options options,
                            Read(given, sizeof(penstock_device_options), "penstock_device_options"));
  if (options.reserved != 0) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("penstock_device_options has ", options.reserved, " in its field reserved")),
                     Fix("set it to 0, or install the version of libpenstock_c that the program was written for"));
  }
  auto handle = std::make_unique<penstock_device>();
  PENSTOCK_ASSIGN_OR_RETURN(handle->device, Make(name, OptionsOf(options)));
  handle->name = handle->device->name();
  *device = handle.release();
  return absl::OkStatus();
}

absl::Status Register(penstock_device* device, void* memory, uint64_t bytes, bool writable, uint32_t* handle) {
  if (device == nullptr) return NullArgument("penstock_device_register", "device");
  if (memory == nullptr) return NullArgument("penstock_device_register", "memory");
  if (handle == nullptr) return NullArgument("penstock_device_register", "handle");
  if (bytes > std::numeric_limits<uintptr_t>::max() - reinterpret_cast<uintptr_t>(memory)) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("memory of ", bytes, " bytes that ends past the last address")),
                     Fix("hand over the memory's own length in bytes"));
  }
  const u32 rights = layout::kBufferRead | (writable ? layout::kBufferWrite : 0);
  device->used = true;
  PENSTOCK_ASSIGN_OR_RETURN(*handle, device->device->RegisterBuffer({static_cast<std::byte*>(memory), bytes}, rights));
  return absl::OkStatus();
}

absl::Status Start(penstock_device* device) {
  if (device == nullptr) return NullArgument("penstock_device_start", "device");
  device->used = true;
  return device->device->Start();
}

absl::Status Stop(penstock_device* device, uint32_t timeout_ms) {
  if (device == nullptr) return NullArgument("penstock_device_stop", "device");
  return device->device->Stop(absl::Milliseconds(timeout_ms));
}

}  // namespace
}  // namespace penstock::c

int penstock_device_open(const char* name, const penstock_device_options* options, penstock_device** device,
                         penstock_error** error) {
  return penstock::c::Guarded(error, [&] { return penstock::c::Open(name, options, device); });
}

const char* penstock_device_name(const penstock_device* device) { return device != nullptr ? device->name.c_str() : ""; }

int penstock_device_register(penstock_device* device, void* memory, uint64_t bytes, int writable, uint32_t* handle,
                             penstock_error** error) {
  return penstock::c::Guarded(error, [&] { return penstock::c::Register(device, memory, bytes, writable != 0, handle); });
}

int penstock_device_start(penstock_device* device, penstock_error** error) {
  return penstock::c::Guarded(error, [&] { return penstock::c::Start(device); });
}

int penstock_device_stop(penstock_device* device, uint32_t timeout_ms, penstock_error** error) {
  return penstock::c::Guarded(error, [&] { return penstock::c::Stop(device, timeout_ms); });
}

void penstock_device_close(penstock_device* device) {
  if (device == nullptr) return;
  if (device->device->running()) device->device->Stop(absl::Seconds(10)).IgnoreError();
  delete device;
}
