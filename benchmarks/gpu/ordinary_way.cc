// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CRC-32C of a file by a GPU, as it is ordinarily done: for each chunk read, copy, launch, synchronise. Prints JSON. What
// `penstock ingest --op=crc32c` is held against.
//
//   single   into one pinned buffer, one thing after the other
//   double   into two, each with its stream: the read of a chunk goes on beside the copy and the kernel of the one before
//   cufile   NVIDIA's cuFile reads into the GPU's memory; then as single
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "benchmarks/gpu/crc_kernel.h"
#include "benchmarks/gpu/cufile_library.h"
#include "benchmarks/gpu/distribution.h"
#include "benchmarks/gpu/gpu_run.h"
#include "penstock/error.h"
#include "penstock/file_descriptor.h"
#include "penstock/layout/crc32c.h"

namespace penstock::bench {
namespace {

constexpr char kUsage[] = "usage: gpu_ordinary_way FILE single|double|cufile CHUNK_BYTES\n";

struct Source {
  FileDescriptor file;
  u64 size_bytes = 0;
  bool direct = false;  // past the page cache
};

absl::StatusOr<Source> OpenSource(const std::string& path, u32 chunk_bytes) {
  Source source;
  source.file = FileDescriptor(open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  source.direct = source.file.get() >= 0;
  if (!source.direct) source.file = FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts = {};
  if (source.file.get() < 0 || fstat(source.file.get(), &facts) != 0) {
    return MakeErrnoError(absl::StatusCode::kInvalidArgument, errno, What(absl::StrFormat("cannot open %s", path)),
                          Fix("name a file that can be read"));
  }
  source.size_bytes = static_cast<u64>(facts.st_size);
  if (source.size_bytes == 0 || source.size_bytes % chunk_bytes != 0) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrFormat("%s has %d bytes, no whole number of chunks", path, source.size_bytes)),
                     Fix("measure with a file that is a multiple of the chunk size"));
  }
  return source;
}

absl::Status ReadChunk(const Source& source, u8* to, u32 length_bytes, u64 offset_bytes) {
  for (u32 done = 0; done < length_bytes;) {
    const ssize_t count = pread(source.file.get(), to + done, length_bytes - done, static_cast<off_t>(offset_bytes + done));
    if (count <= 0) {
      return MakeErrnoError(absl::StatusCode::kUnavailable, count == 0 ? EIO : errno, What("reading the file failed"),
                            Fix("look in the kernel log (dmesg) for the device"));
    }
    done += static_cast<u32>(count);
  }
  return absl::OkStatus();
}

/// What the kernel looks up for chunks of one size.
class Tables {
 public:
  explicit Tables(u32 chunk_bytes) : by_byte_(kCrcTableWords), shift_(chunk_bytes / kCrcStripeBytes) {
    std::vector<u32> by_byte(kCrcTableWords);
    for (u32 byte = 0; byte < 256; ++byte) {
      u32 remainder = byte;
      for (u32 bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? layout::kCrc32cPolynomial : 0);
      by_byte[byte] = remainder;
    }
    for (u32 i = 256; i < kCrcTableWords; ++i) by_byte[i] = (by_byte[i - 256] >> 8) ^ by_byte[by_byte[i - 256] & 0xFF];
    std::vector<u32> shift(chunk_bytes / kCrcStripeBytes);
    const u32 stripe = layout::Crc32cShift(kCrcStripeBytes);
    shift.back() = layout::Crc32cShift(0);
    for (size_t i = shift.size() - 1; i > 0; --i) shift[i - 1] = layout::MultiplyCrc32c(shift[i], stripe);
    PENSTOCK_GPU_CALL(hipMemcpy(by_byte_.device(), by_byte.data(), by_byte_.bytes(), hipMemcpyHostToDevice));
    PENSTOCK_GPU_CALL(hipMemcpy(shift_.device(), shift.data(), shift_.bytes(), hipMemcpyHostToDevice));
  }

  CrcTables device() { return {by_byte_.device(), shift_.device()}; }

 private:
  DeviceArray<u32> by_byte_;
  DeviceArray<u32> shift_;
};

/// A buffer on each side, the stream between them, and the chunk that is in it.
class Stage {
 public:
  explicit Stage(u32 chunk_bytes)
      : host_(chunk_bytes), device_(chunk_bytes), pieces_(chunk_bytes / kCrcPieceBytes), chunk_bytes_(chunk_bytes) {}

  u8* host() { return host_.host(); }
  u8* device() { return device_.device(); }

  void Copy() { PENSTOCK_GPU_CALL(hipMemcpyAsync(device(), host(), chunk_bytes_, hipMemcpyHostToDevice, stream_)); }
  void Start(Tables& tables) { LaunchCrc32c(stream_, tables.device(), device(), chunk_bytes_, pieces_.device()); }
  /// The CRC of the chunk that was started last.
  u32 Finish() {
    stream_.Synchronize();
    const u32 remainder = std::accumulate(pieces_.host(), pieces_.host() + chunk_bytes_ / kCrcPieceBytes, 0u,
                                          [](u32 sum, u32 piece) { return sum ^ piece; });
    return ~(remainder ^ layout::MultiplyCrc32c(layout::Crc32cShift(chunk_bytes_), ~0u));
  }

 private:
  PinnedArray<u8> host_;
  DeviceArray<u8> device_;
  PinnedArray<u32> pieces_;
  Stream stream_;
  u32 chunk_bytes_;
};

struct Plan {
  std::string path;
  std::string mode;
  u32 chunk_bytes = 0;
};

/// Reads chunk i into stage i modulo their number; whoever comes to a stage that is busy waits for it.
absl::StatusOr<u32> ReadCopyLaunch(const Plan& plan, const Source& source, Tables& tables,
                                   std::vector<std::unique_ptr<Stage>>& stages) {
  const u32 shift = layout::Crc32cShift(plan.chunk_bytes);
  const u64 chunks = source.size_bytes / plan.chunk_bytes;
  u32 crc = 0;
  for (u64 i = 0; i < chunks + stages.size(); ++i) {
    Stage& stage = *stages[i % stages.size()];
    if (i >= stages.size()) crc = layout::JoinCrc32c(crc, stage.Finish(), shift);
    if (i >= chunks) continue;
    PENSTOCK_RETURN_IF_ERROR(ReadChunk(source, stage.host(), plan.chunk_bytes, i * plan.chunk_bytes));
    stage.Copy();
    stage.Start(tables);
  }
  return crc;
}

absl::StatusOr<u32> CufileLaunch(const Plan& plan, const Source& source, Tables& tables, Stage& stage, CufileLibrary& cufile) {
  const u32 shift = layout::Crc32cShift(plan.chunk_bytes);
  u32 crc = 0;
  for (u64 offset = 0; offset < source.size_bytes; offset += plan.chunk_bytes) {
    PENSTOCK_RETURN_IF_ERROR(cufile.Read(stage.device(), plan.chunk_bytes, offset));
    stage.Start(tables);
    crc = layout::JoinCrc32c(crc, stage.Finish(), shift);
  }
  return crc;
}

absl::Status Run(const Plan& plan) {
  PENSTOCK_ASSIGN_OR_RETURN(const Source source, OpenSource(plan.path, plan.chunk_bytes));
  std::unique_ptr<CufileLibrary> cufile;
  if (plan.mode == "cufile") {
    PENSTOCK_ASSIGN_OR_RETURN(cufile, CufileLibrary::Open());
    PENSTOCK_RETURN_IF_ERROR(cufile->UseFile(source.file.get()));
  }
  Tables tables(plan.chunk_bytes);
  std::vector<std::unique_ptr<Stage>> stages;
  for (u32 i = 0; i < (plan.mode == "double" ? 2u : 1u); ++i) {
    stages.push_back(std::make_unique<Stage>(plan.chunk_bytes));
    stages.back()->Start(tables);  // loads the kernel
    stages.back()->Finish();
  }
  const double begin = NowNs();
  const absl::StatusOr<u32> crc = cufile != nullptr ? CufileLaunch(plan, source, tables, *stages.front(), *cufile)
                                                    : ReadCopyLaunch(plan, source, tables, stages);
  const double seconds = (NowNs() - begin) * 1e-9;
  PENSTOCK_RETURN_IF_ERROR(crc.status());
  const Json json = {{"mode", plan.mode},
                     {"chunk_bytes", plan.chunk_bytes},
                     {"bytes", source.size_bytes},
                     {"direct", source.direct},
                     {"seconds", seconds},
                     {"bytes_per_second", static_cast<double>(source.size_bytes) / seconds},
                     {"crc32c", absl::StrFormat("%08x", *crc)}};
  std::puts(json.dump(2).c_str());
  return absl::OkStatus();
}

bool Parse(int argc, char** argv, Plan& plan) {
  if (argc != 4 || !absl::SimpleAtoi(argv[3], &plan.chunk_bytes)) return false;
  plan.path = argv[1];
  plan.mode = argv[2];
  const bool known = plan.mode == "single" || plan.mode == "double" || plan.mode == "cufile";
  return known && plan.chunk_bytes > 0 && plan.chunk_bytes % kCrcPieceBytes == 0;
}

}  // namespace
}  // namespace penstock::bench

int main(int argc, char** argv) {
  penstock::bench::Plan plan;
  if (!penstock::bench::Parse(argc, argv, plan)) {
    std::fputs(penstock::bench::kUsage, stderr);
    return 2;
  }
  const absl::Status status = penstock::bench::Run(plan);
  if (!status.ok()) std::fprintf(stderr, "gpu_ordinary_way: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
