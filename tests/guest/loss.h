// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What happens to a run's controllers, and what is to be said of the run then, whoever asks for its bytes.
#pragma once

#include "tests/guest/load.h"

namespace penstock::guest {

/// Resets the disk's controller twice once the run has begun, or as often as it lasts. How many times; a failure of the test if
/// the controller does not come back.
int ResetUnder(const Load& load, const Disk& disk);

/// Runs `run` with `options`, whose path is given, over the disk PULLED_<path> and a sound one, and pulls the first one's
/// controller out. That source has to end soon, unavailable, with what came before in place; the other one has to be whole, and
/// memory free again. `report` is what the run made, for more to be said.
void ExpectUnpluggedSourceEndsAlone(Load::Run run, const IngestOptions& options, IngestReport& report);

}  // namespace penstock::guest
