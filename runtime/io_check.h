// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a request stays within what it names. Pure: the rows and one copy of the request in, a cause out.
#pragma once

#include "penstock/layout/live_io.h"
#include "runtime/io_tables.h"

namespace penstock {

/// kNone: the request may be served, by `source`'s route for the destination's kind of memory. A READ fills whole blocks of the
/// path, all of which have to fit the destination.
/// Requires: READ or WRITE.
layout::IoCause CheckIoRequest(const layout::IoRequest& request, const IoSource& source, const IoDestination& destination);

}  // namespace penstock
