// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the time of a request goes, from the handler that asks to the handler that goes on.
#pragma once

#include <optional>

#include "penstock/io_service.h"
#include "penstock/latency_histogram.h"

namespace penstock::io_latency {

/// Of one request, all by one clock.
struct RequestTimes {
  u64 requested_ns = 0;    // the handler has made its request
  IoRequestTimes service;  // the I/O service's part
  u64 resumed_ns = 0;      // the handler runs again
};

struct LatencySplit {
  u64 request_ns = 0;       // from the handler's request to the service that takes it
  u64 service_ns = 0;       // in the service's hands: until the read is started, and from its end until the kernel is told
  u64 device_io_ns = 0;     // from handing the read to the path until its end is taken
  u64 landing_seen_ns = 0;  // from telling the kernel until the handler runs again

  u64 total_ns() const { return request_ns + service_ns + device_io_ns + landing_seen_ns; }
};

/// The parts add up to resumed - requested. Nothing if the times are not in the order that a request takes: a part was not noted,
/// or two clocks do not agree.
inline std::optional<LatencySplit> SplitOf(const RequestTimes& times) {
  const IoRequestTimes& service = times.service;
  const u64 in_order[] = {times.requested_ns, service.taken_ns, service.started_ns,
                          service.reaped_ns,  service.told_ns,  times.resumed_ns};
  for (size_t i = 1; i < std::size(in_order); ++i) {
    if (in_order[i] < in_order[i - 1]) return std::nullopt;
  }
  return LatencySplit{.request_ns = service.taken_ns - times.requested_ns,
                      .service_ns = service.started_ns - service.taken_ns + service.told_ns - service.reaped_ns,
                      .device_io_ns = service.reaped_ns - service.started_ns,
                      .landing_seen_ns = times.resumed_ns - service.told_ns};
}

/// Of many requests. Threads: one at a time.
struct SplitHistograms {
  LatencyHistogram request;
  LatencyHistogram service;
  LatencyHistogram device_io;
  LatencyHistogram landing_seen;
  LatencyHistogram total;

  void Record(const LatencySplit& split) {
    request.Record(split.request_ns);
    service.Record(split.service_ns);
    device_io.Record(split.device_io_ns);
    landing_seen.Record(split.landing_seen_ns);
    total.Record(split.total_ns());
  }
};

}  // namespace penstock::io_latency
