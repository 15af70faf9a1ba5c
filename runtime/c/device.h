// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device as C callers have it.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "penstock/device.h"
#include "penstock/penstock.h"

struct penstock_device {
  std::unique_ptr<penstock::Device> device;
  std::string name;
  std::atomic<bool> cancelled = false;
  bool used = false;  // registered with, started or ingested with: an ingest wants a fresh one
};
static_assert(std::atomic<bool>::is_always_lock_free);  // penstock_ingest_cancel may be called by signal handlers
