// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The words of an I/O slot as the host reads them, while the other side could change them.
#pragma once

#include "penstock/layout/atomic.h"
#include "penstock/layout/io_slot.h"

namespace penstock {

/// A copy of all words but the status, each read once: what is checked is what is served, also if the other side does not keep
/// the protocol. That the words are complete is known before, from an acquire.
inline layout::IoRequest CopyIoRequest(const layout::IoSlot& slot) {
  using layout::Scope;
  layout::IoSlot copy = {};
  copy.op_type = layout::LoadRelaxed<Scope::kSystem>(&slot.op_type);
  copy.source_handle = layout::LoadRelaxed<Scope::kSystem>(&slot.source_handle);
  copy.destination_handle = layout::LoadRelaxed<Scope::kSystem>(&slot.destination_handle);
  copy.offset_low = layout::LoadRelaxed<Scope::kSystem>(&slot.offset_low);
  copy.offset_high = layout::LoadRelaxed<Scope::kSystem>(&slot.offset_high);
  copy.byte_count = layout::LoadRelaxed<Scope::kSystem>(&slot.byte_count);
  copy.tag = layout::LoadRelaxed<Scope::kSystem>(&slot.tag);
  return layout::DecodeIoRequest(copy);
}

}  // namespace penstock
