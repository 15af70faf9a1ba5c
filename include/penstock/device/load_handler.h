// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LOAD_MISS: brings a resource to the device that a slot needs and that is not there yet.
#pragma once

#include "penstock/device/word_handlers.h"

namespace penstock::device {

/// Done when the resource's bytes are in its destination; the result is their number. With the prefetch flag the slot is done at
/// once, with result 0 if the load only begins or goes on: nobody hears how it ends, but the next LOAD_MISS finds the resource
/// there or loads it again. Either is a FAULT kIoFailed where the service has stopped. Loads of one resource never overlap: one
/// whose slot has given up (kGivenUp) goes on, and the next LOAD_MISS yields until it has ended.
struct LoadMiss : Builtin<layout::kLoadMiss> {
  enum Step : u32 { kBegin, kLanded };

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    const IoView& io = context.view.io;
    const u32 id = context.argument[0];
    if (io.queue_count == 0) return Outcome::Fault(layout::FaultReason::kNotConnected);
    const bool exists = id < io.resource_count && io.resources[id].length_bytes != 0;
    if (!exists) return Outcome::Fault(layout::FaultReason::kBadArgument, 0);
    if (context.argument[1] > 1) return Outcome::Fault(layout::FaultReason::kBadArgument, 1);
    if (!context.group.IsLeader()) return Outcome::Done();
    if (context.wait.step == kBegin) return Begin(context, id);
    const layout::IoEnd& end = context.wait.end;
    return end.ok() ? Outcome::Done(end.bytes) : Outcome::IoFault(end);
  }

 private:
  PENSTOCK_DEVICE static Outcome Begin(const Context& context, u32 id) {
    const layout::ResourceRow& row = context.view.io.resources[id];
    ResourceState& resource = context.view.io.resource_states[id];
    const bool is_prefetch = context.argument[1] != 0;
    u32 state = ResourceState::kAbsent;  // pairs with the release in EndLoad
    if (!layout::CompareExchange<layout::Scope::kDevice>(&resource.state, state, u32{ResourceState::kLoading})) {
      layout::AcquireAfter<layout::Scope::kDevice>(&resource.state);
      if (state == ResourceState::kPresent) return Outcome::Done(row.length_bytes);
      return is_prefetch ? Outcome::Done() : Outcome::Yield();
    }
    const layout::IoRequest request = {layout::kIoRead,  row.source_handle, row.destination_handle,
                                       row.offset_bytes, row.length_bytes,  id};
    if (!is_prefetch) {
      context.wait.loads = id + 1;
      return context.WaitIo(request, kLanded);
    }
    IoTicket unused;
    const layout::IoCause refusal =
        TryPost(context.view, context.group.workgroup(), request, {IoRequester::kNobody, id + 1, context.slot}, unused);
    if (refusal == layout::IoCause::kNone) return Outcome::Done();
    const layout::IoEnd end = {static_cast<u32>(refusal), 0};
    EndLoad(context.view, id + 1, end);
    return refusal == layout::IoCause::kQueueFull ? Outcome::Yield() : Outcome::IoFault(end);
  }
};

}  // namespace penstock::device
