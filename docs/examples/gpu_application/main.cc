// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Counts the lines of a file with a handler of its own on a GPU, and uses the same GPU for other work meanwhile.
#include <chrono>
#include <cstdlib>
#include <future>
#include <iostream>
#include <string>
#include <string_view>

#include "gpu_part.h"
#include "line_operation.h"
#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "penstock/ingest.h"

namespace gpu_application {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNoGpu = 3;

struct Result {
  uint64_t lines = 0;
  uint64_t rounds = 0;  // of the application's own work, begun and ended while the megakernel was resident
};

absl::StatusOr<GpuPart> MakePart(bool on_gpu) {
  if (on_gpu) return MakeGpuPart();
  GpuPart part;
  PENSTOCK_ASSIGN_OR_RETURN(part.device, penstock::MakeCpuDevice<Program>({}));
  return part;
}

/// The ingest runs the megakernel in a thread; this one goes on with what the application would do anyhow.
absl::StatusOr<Result> CountLinesOf(const std::string& file, const GpuPart& part) {
  LineOperation operation;
  auto ingest = std::async(std::launch::async, [&] { return penstock::Ingest(*part.device, {&file, 1}, operation, {}); });
  Result result;
  absl::Status own_work;
  while (ingest.wait_for(std::chrono::microseconds(50)) != std::future_status::ready) {
    if (part.own_work == nullptr || !own_work.ok() || !part.device->running()) continue;
    own_work = part.own_work->Round();
    if (part.device->running()) ++result.rounds;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const penstock::IngestReport report, ingest.get());
  PENSTOCK_RETURN_IF_ERROR(report.status);
  PENSTOCK_RETURN_IF_ERROR(own_work);
  result.lines = operation.lines();
  return result;
}

int Run(const std::string& file, bool on_gpu) {
  if (const absl::Status gpu = on_gpu ? CheckForGpu() : absl::OkStatus(); !gpu.ok()) {
    std::cerr << gpu.message() << "\n";
    return kNoGpu;
  }
  const absl::StatusOr<GpuPart> part = MakePart(on_gpu);
  const absl::StatusOr<Result> result = part.ok() ? CountLinesOf(file, *part) : part.status();
  if (!result.ok()) {
    std::cerr << result.status().message() << std::endl;
    if (part.ok() && part->device->running()) std::_Exit(kFailed);  // it hangs: to free anything would wait for it
    return kFailed;
  }
  std::cout << result->lines << "\n";
  if (on_gpu) std::cerr << result->rounds << " rounds of other work on the GPU meanwhile\n";
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace gpu_application

int main(int argc, char** argv) {
  const std::string_view device = argc == 3 ? argv[1] : "";
  if (device == "--device=cpu" || device == "--device=hip") return gpu_application::Run(argv[2], device == "--device=hip");
  std::cerr << "usage: gpu_application --device=cpu|hip FILE\n";
  return gpu_application::kUsage;
}
