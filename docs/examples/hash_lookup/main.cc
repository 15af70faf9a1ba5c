// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Looks keys up in a hash table that lies in a file, by a handler that reads the buckets itself and keeps some of them.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "ask.h"
#include "gpu_part.h"
#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "table.h"

ABSL_FLAG(std::string, table, "", "the table; it is written if there is no such file");
ABSL_FLAG(uint32_t, buckets, 16384, "buckets, of 4 KiB, of a table that is written");
ABSL_FLAG(uint32_t, cache, 512, "buckets that fit into the cache");
ABSL_FLAG(uint32_t, lookups, 200'000, "how many keys are asked for");
ABSL_FLAG(std::string, device, "cpu", "what runs the handler: cpu, or hip for the first GPU");
ABSL_FLAG(uint32_t, workgroups, 0, "of the device; 0: two on the CPU, on a GPU one for each compute unit");
ABSL_FLAG(uint32_t, lanes, 1, "of a workgroup of the CPU device");
ABSL_FLAG(std::string, answers, "", "a file to write each key and its answer to");

namespace hash_lookup {
namespace {

constexpr int kWrong = 3;
constexpr int kNoGpu = 4;
constexpr u32 kIoQueues = 4;  // of 64 requests: as many as the ring has slots

/// Of eight lookups four ask for one of a few keys, three for any key of the table, and one for a key that is not there.
std::vector<u64> ChooseKeys(const Entries& entries, u32 count) {
  constexpr size_t kOftenAsked = 64;
  std::vector<u64> known;
  for (const auto& [key, value] : entries) known.push_back(key);
  std::mt19937_64 random(1);
  std::vector<u64> keys;
  while (keys.size() < count) {
    const u64 kind = random() % 8;
    const u64 number = random();
    const u64 key = kind < 4   ? known[number % std::min(kOftenAsked, known.size())]
                    : kind < 7 ? known[number % known.size()]
                               : number;
    if (key != kNoKey) keys.push_back(key);
  }
  return keys;
}

/// How many answers are not what the host's own table says.
size_t CountWrong(const Entries& entries, const std::vector<u64>& keys, const std::vector<u64>& values) {
  size_t wrong = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto entry = entries.find(keys[i]);
    if (values[i] != (entry == entries.end() ? kNotFound : entry->second)) ++wrong;
  }
  return wrong;
}

void WriteAnswers(const std::string& path, const std::vector<u64>& keys, const std::vector<u64>& values) {
  std::ofstream file(path);
  for (size_t i = 0; i < keys.size(); ++i) file << keys[i] << " " << values[i] << "\n";
}

absl::StatusOr<std::unique_ptr<penstock::Device>> MakeCpuDevice() {
  penstock::CpuDeviceOptions options;
  options.workgroups = absl::GetFlag(FLAGS_workgroups) == 0 ? 2 : absl::GetFlag(FLAGS_workgroups);
  options.lanes = absl::GetFlag(FLAGS_lanes);
  options.io_queues = kIoQueues;
  return penstock::MakeCpuDevice<Program>(options);
}

absl::StatusOr<int> Run() {
  const bool on_gpu = absl::GetFlag(FLAGS_device) == "hip";
  if (!on_gpu && absl::GetFlag(FLAGS_device) != "cpu") {
    return penstock::MakeError(absl::StatusCode::kInvalidArgument, penstock::What("--device=" + absl::GetFlag(FLAGS_device)),
                               penstock::Fix("use --device=cpu or --device=hip"));
  }
  if (const absl::Status gpu = on_gpu ? CheckForGpu() : absl::OkStatus(); !gpu.ok()) {
    std::cerr << gpu.message() << std::endl;
    return kNoGpu;
  }
  const AskOptions options = {.table = absl::GetFlag(FLAGS_table),
                              .cache_buckets = absl::GetFlag(FLAGS_cache),
                              .keep_lines = on_gpu ? KeepLinesOnGpu : KeepLinesOnHost};
  if (options.table.empty() || options.cache_buckets == 0 || absl::GetFlag(FLAGS_buckets) == 0) {
    return penstock::MakeError(absl::StatusCode::kInvalidArgument, penstock::What("no table, or one of no buckets, or no cache"),
                               penstock::Fix("name a file with --table, and leave out --buckets and --cache"));
  }
  if (!std::filesystem::exists(options.table)) {
    PENSTOCK_RETURN_IF_ERROR(WriteTable(options.table, absl::GetFlag(FLAGS_buckets)));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Entries entries, ReadTable(options.table));
  const std::vector<u64> keys = ChooseKeys(entries, absl::GetFlag(FLAGS_lookups));

  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<penstock::Device> device,
                            on_gpu ? MakeGpuDevice(absl::GetFlag(FLAGS_workgroups), kIoQueues) : MakeCpuDevice());
  PENSTOCK_ASSIGN_OR_RETURN(const Answers answers, Ask(*device, options, keys));

  const size_t wrong = CountWrong(entries, keys, answers.values);
  std::cout << device->name() << ", " << device->workgroups() << " workgroups\n"
            << entries.size() << " entries; " << keys.size() << " lookups in " << answers.seconds << " s, "
            << static_cast<double>(keys.size()) / answers.seconds << " a second\n"
            << answers.count[kHits] << " hits, " << answers.count[kMisses] << " misses, " << answers.count[kBusyLines]
            << " waits for a line\n"
            << answers.service.requests << " reads, " << answers.service.bytes << " bytes\n"
            << wrong << " wrong answers\n";
  if (const std::string path = absl::GetFlag(FLAGS_answers); !path.empty()) WriteAnswers(path, keys, answers.values);
  return wrong == 0 ? EXIT_SUCCESS : kWrong;
}

}  // namespace
}  // namespace hash_lookup

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("hash_lookup --table=FILE: looks keys up in a table many times larger than its cache");
  absl::ParseCommandLine(argc, argv);
  const absl::StatusOr<int> result = hash_lookup::Run();
  if (result.ok()) return *result;
  std::cerr << result.status().message() << std::endl;
  std::_Exit(EXIT_FAILURE);  // reads that did not end may still write into memory that would be freed
}
