// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes inputs that the encoders make, for fuzz targets to begin with: one that is as it should be, or a few.
// Usage: fuzz_seeds FOLDER
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "penstock/layout/io_slot.h"
#include "penstock/layout/live_io.h"
#include "penstock/layout/load_miss.h"
#include "penstock/layout/slot.h"
#include "penstock/packed.h"

namespace fs = std::filesystem;

namespace penstock {
namespace {

/// What a target takes byte by byte and value by value, in the order in which it takes them.
class Seed {
 public:
  template <typename T>
  Seed& Add(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Seed& Byte(u32 value) { return Add(static_cast<u8>(value)); }
  Seed& Zeros(size_t count) {
    bytes_.append(count, '\0');
    return *this;
  }
  Seed& Text(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  /// At an offset from the start, which has to be there.
  template <typename T>
  Seed& Set(size_t offset, const T& value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof(value));
    return *this;
  }
  void Write(const fs::path& folder, const char* target, const char* name) const {
    fs::create_directories(folder / target);
    std::ofstream(folder / target / name, std::ios::binary) << bytes_;
  }

 private:
  std::string bytes_;
};

void WriteSlots(const fs::path& folder) {
  const layout::Slot miss = layout::EncodeLoadMiss({77, true});
  // A ring of two slots; publish, claim and finish one of them, fault and acknowledge the other.
  Seed life;
  life.Add<u8>(128).Byte(2).Add(layout::Slot{}).Add(layout::Slot{}).Add(layout::Slot{});
  life.Byte(0).Byte(0).Add(miss).Byte(1).Byte(1).Byte(0).Byte(1).Byte(0).Byte(2).Add(u64{5});
  life.Byte(1).Byte(0).Add(miss).Byte(1).Byte(1).Byte(1).Byte(3).Byte(2).Add(u32{9}).Byte(1).Byte(4);
  life.Write(folder, "slot", "life");
  Seed reads;
  reads.Byte(64).Byte(1).Add(miss).Add(miss).Byte(0).Byte(6).Byte(1).Byte(0).Byte(5).Byte(0).Byte(1);
  reads.Write(folder, "slot", "reads");

  const u32 words[] = {3, 40, 41, 42};
  const layout::PackedInput ops[] = {{layout::kStoreU32, words, 2}, {layout::kAtomicAdd, words + 1, 2}, {layout::kNop, words, 0}};
  Seed().Add(*EncodePacked(ops)).Write(folder, "packed_slot", "three_ops");
  const layout::PackedInput one[] = {{layout::kPrintf & 0xFF, words, 4}};
  Seed().Add(*EncodePacked(one)).Write(folder, "packed_slot", "one_op");
}

void WriteIo(const fs::path& folder) {
  layout::IoSlot read = {};
  layout::EncodeIoRequest({layout::kIoRead, 1, 2, 4096, 512, 99}, read);
  Seed queue;
  queue.Byte(1).Byte(2).Zeros(2 * sizeof(read)).Byte(0);
  queue.Byte(0).Byte(1).Add(read).Byte(1).Byte(4).Byte(5).Byte(2).Byte(1).Add(layout::IoEnd{0, 512}).Byte(7).Byte(6);
  queue.Write(folder, "io_queue", "request");

  Seed intake;
  intake.Byte(0).Add(u64{0});
  // Posted, taken, checked against a source of 1 MiB, ended, published.
  intake.Byte(3).Byte(0).Add(read).Byte(0).Byte(2).Add(u64{1 << 20}).Byte(1).Byte(0).Byte(9).Byte(9).Byte(0).Add(u16{4096});
  intake.Byte(3).Byte(3).Add(layout::IoEnd{0, 512}).Byte(0).Byte(5).Byte(5).Byte(0).Add(read).Byte(0).Byte(2);
  intake.Write(folder, "io_intake", "served");
}

void WriteLog(const fs::path& folder) {
  Seed log;
  log.Byte(17).Add(u32{2}).Zeros(64).Set(5, u32{7}).Byte(1).Byte(0).Byte(4).Add(u64{1}).Add(u64{2}).Byte(1).Byte(1).Byte(4);
  log.Write(folder, "debug_log", "two_records");
}

/// NVMe Base Specification 2.0, figures "Identify Namespace Data Structure" and "Identify Controller Data Structure".
void WriteNvme(const fs::path& folder) {
  constexpr size_t kFormats = 128;
  Seed space;
  space.Byte(0).Zeros(kFormats + 8).Set(1, u64{1} << 20).Set(1 + kFormats, u32{9} << 16);
  space.Write(folder, "nvme_identify", "namespace");
  Seed interleaved;
  interleaved.Byte(0).Zeros(kFormats + 8).Set(1, u64{1} << 20).Set(1 + 25, u8{1}).Set(1 + 26, u8{0x11});
  interleaved.Set(1 + kFormats + 4, u32{12} << 16 | 8).Write(folder, "nvme_identify", "metadata");
  Seed controller;
  controller.Byte(1).Zeros(4).Text("S0SERIAL            MODEL SSD 3.84TB                        1.0.0   ").Zeros(5).Byte(5);
  controller.Write(folder, "nvme_identify", "controller");
  Seed().Byte(2).Zeros(32).Add(u64{12345}).Zeros(24).Add(u64{99}).Write(folder, "nvme_identify", "smart");

  Seed statuses;
  for (const u32 raw : {0x4281u, 0x0004u, 0x0371u, 0x07c1u, 0x0000u}) {
    statuses.Add(static_cast<u16>(raw));
    if (raw != 0) statuses.Add(u64{4096}).Add(u32{512}).Byte(1);
    statuses.Add(static_cast<i32>(raw)).Byte(13);
  }
  statuses.Add(u16{0x281}).Add(u64{0}).Add(u32{1}).Byte(0).Add(i32{-1}).Byte(13).Write(folder, "nvme_status", "statuses");
}

void WriteTexts(const fs::path& folder) {
  Seed files;
  for (const char* text : {"0x030000", "0x1000 0x1fff 0x200\n0x2000 0xffffffff 0x14220c", "0x1002", "0x74a1", "0", "4294967296",
                           "1048576", "524288", "1", "1", "2097152", "8", "512", "1024", "128", "1023", "3"}) {
    files.Text(text).Byte(0);
  }
  files.Write(folder, "pci_facts", "gpu_and_namespace");
  Seed windows;
  windows.Text("0000:41:00.0").Byte(0).Byte(1);
  windows.Byte(0).Byte(9).Byte(1).Byte(1).Add(u64{0x4100}).Byte(1).Byte(0).Add(u32{0}).Add(u32{1 << 21}).Byte(8).Byte(1).Byte(1);
  windows.Write(folder, "window_answers", "one_window");
  Seed()
      .Byte(0)
      .Byte(2)
      .Text("err")
      .Byte(0)
      .Text("error")
      .Byte(0)
      .Text("an error, err, eerror")
      .Write(folder, "automaton", "two");
  Seed().Byte(1).Byte(2).Byte(1).Byte(1).Add(u16{300}).Byte(1).Byte(1).Byte(1).Byte(1).Text("abc").Write(folder, "automaton",
                                                                                                         "table");
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "Usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  const fs::path folder = argv[1];
  penstock::WriteSlots(folder);
  penstock::WriteIo(folder);
  penstock::WriteLog(folder);
  penstock::WriteNvme(folder);
  penstock::WriteTexts(folder);
  return 0;
}
