// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is no window, each with its own errno and with a remedy, here and in the kernel's log; and nothing is left of it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "penstock/error.h"
#include "tests/driver/child_process.h"
#include "tests/guest/window_rig.h"

namespace penstock::guest {
namespace {

using testing::HasSubstr;

const std::vector<BarPiece> kSound = {{.offset_bytes = 4 * kMebibyte, .length_bytes = 8 * kMebibyte}};

/// The last line that the module has written into the kernel's log.
std::string LastWord() {
  constexpr int kReadAll = 3;
  std::string log(1 << 20, '\0');
  const int bytes = klogctl(kReadAll, log.data(), static_cast<int>(log.size()));
  log.resize(static_cast<size_t>(bytes < 0 ? 0 : bytes));
  const size_t at = log.rfind("penstock_p2p: ");
  return at == std::string::npos ? "" : log.substr(at, log.find('\n', at) - at);
}

class WindowRefusal : public WindowTest {
 protected:
  /// It was refused with this errno, both the library and the kernel's log say why and what to do, and nothing is held.
  void Expect(const absl::Status& status, int error_number, const std::string& word_of_the_log) {
    EXPECT_EQ(ErrnoOf(status), error_number) << status;
    EXPECT_NE(RemedyOf(status), "") << status;
    EXPECT_THAT(LastWord(), HasSubstr(word_of_the_log));
    EXPECT_THAT(LastWord(), HasSubstr("Fix: "));
    EXPECT_TRUE(Eventually([this] { return exporter_.Count().value().attachments == 0; }));
    EXPECT_TRUE(windows_.List().value().empty());
  }
};

TEST_F(WindowRefusal, OfADescriptorThatIsNoDmaBuf) {
  EXPECT_EQ(ErrnoOf(windows_.Reserve(-1, pci_address()).status()), EBADF);
  const FileDescriptor file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(ErrnoOf(windows_.Reserve(file.get(), pci_address()).status()), EBADF);
}

TEST_F(WindowRefusal, OfAFunctionThatIsNotThere) { EXPECT_EQ(ErrnoOf(Refusal(kSound, {}, "00ff:00:1f.7")), ENODEV); }

TEST_F(WindowRefusal, OfAVirtualFunction) {
  const ScopedVirtualFunction function("VIRTUAL");
  Expect(Refusal(kSound, {}, function.pci_address()), EPERM, "virtual function");
}

TEST_F(WindowRefusal, OfAFunctionWithoutADriver) {
  const auto buffer = exporter_.Export(kSound);
  ASSERT_TRUE(buffer.ok()) << buffer.status();
  EXPECT_TRUE(exporter_.Unbind());
  EXPECT_EQ(ErrnoOf(windows_.Reserve(buffer->dma_buf.get(), pci_address()).status()), EUNATCH);
  EXPECT_THAT(LastWord(), HasSubstr("no driver is bound"));
}

TEST_F(WindowRefusal, OfMemoryThatSomebodyElseHasRegistered) {
  Expect(Refusal(kSound, {}, DiskOf("MEMORY").pci_address), EADDRINUSE, "registered for peers already");
}

TEST_F(WindowRefusal, OfASecondWindow) {
  const Made made = Make(kSound);
  const absl::Status status = Refusal({{.offset_bytes = 32 * kMebibyte, .length_bytes = 2 * kMebibyte}});
  EXPECT_EQ(ErrnoOf(status), EEXIST) << status;
  EXPECT_THAT(LastWord(), HasSubstr("already"));
  EXPECT_EQ(windows_.List().value().size(), 1u);
}

TEST_F(WindowRefusal, WhereTheExporterDoesNotGiveItToPeers) {
  Expect(Refusal(kSound, {.flags = PENSTOCK_EXPORTER_REFUSE_PEERS}), ECONNREFUSED, "does not pin");
}

TEST_F(WindowRefusal, WhereTheExporterCannotPin) {
  Expect(Refusal(kSound, {.flags = PENSTOCK_EXPORTER_FAIL_PIN, .error_number = ENOSPC}), ECONNREFUSED, "-28");
  Expect(Refusal(kSound, {.flags = PENSTOCK_EXPORTER_FAIL_MAP, .error_number = EIO}), ECONNREFUSED, "-5");
}

TEST_F(WindowRefusal, OfABufferThatTheExporterTakesBackMeanwhile) {
  Expect(Refusal(kSound, {.flags = PENSTOCK_EXPORTER_MOVE_AT_ONCE}), ESTALE, "takes the buffer back already");
  EXPECT_TRUE(windows_.Release(Make(kSound).number).ok()) << "and it may be had afterwards";
}

TEST_F(WindowRefusal, OfMemoryThatWentToTheSystem) {
  Expect(Refusal(kSound, {.flags = PENSTOCK_EXPORTER_SYSTEM_MEMORY}), EXDEV, "outside the function's BARs");
}

TEST_F(WindowRefusal, OfAnotherFunctionsMemory) {
  Expect(Refusal({{.offset_bytes = 0, .length_bytes = 4096}}, {}, DiskOf("SECOND").pci_address), EXDEV, "outside the function's");
}

TEST_F(WindowRefusal, OfMoreThanABarHolds) {
  Expect(Refusal(kSound, {}, DiskOf("SECOND").pci_address), EFBIG, "Above 4G decoding");
}

TEST_F(WindowRefusal, OfPiecesThatPagesCannotBeMadeFor) {
  for (const BarPiece& piece : {BarPiece{.offset_bytes = 4096, .length_bytes = 2 * kMebibyte},
                                BarPiece{.offset_bytes = 2 * kMebibyte, .length_bytes = kMebibyte}}) {
    Expect(Refusal({piece}), ERANGE, "multiple of 0x200000");
  }
}

TEST_F(WindowRefusal, OfTooManyPieces) {
  std::vector<BarPiece> pieces;
  for (uint64_t i = 0; i < 65; ++i) pieces.push_back({.offset_bytes = i * 8192, .length_bytes = 4096});
  Expect(Refusal(pieces), E2BIG, "more than 64 pieces");
}

TEST_F(WindowRefusal, OfAPlaceThatOverlapsAnEarlierWindows) {
  EXPECT_TRUE(windows_.Release(Make(kSound).number).ok());
  Expect(Refusal({{.offset_bytes = 8 * kMebibyte, .length_bytes = 8 * kMebibyte}}), EADDRNOTAVAIL, "an earlier window");
}

TEST_F(WindowRefusal, OfMappingPastTheEndOrWhatIsNotThere) {
  const Made made = Make(kSound);
  EXPECT_FALSE(windows_.Map(made.number, 16 * kMebibyte).ok());
  EXPECT_FALSE(windows_.Map(made.number + 1).ok());
  const FileDescriptor device(open(PeerWindows::kNode, O_RDWR | O_CLOEXEC));
  const auto map = [&](off_t offset, size_t bytes, int flags) {
    void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, device.get(), offset);
    return at == MAP_FAILED ? errno : 0;
  };
  const auto begin = static_cast<off_t>(uint64_t{made.number} << 40);
  EXPECT_EQ(map(begin, 4096, MAP_PRIVATE), EINVAL);
  EXPECT_EQ(map(begin + 4096, 4096, MAP_SHARED), EINVAL);
  EXPECT_EQ(map(begin, 8 * kMebibyte + 4096, MAP_SHARED), EINVAL);
  EXPECT_EQ(map(0, 4096, MAP_SHARED), ENOENT);
  EXPECT_EQ(windows_.Find(made.number).value().mapping_count, 0u);
}

using WindowShortOfMemory = WindowRefusal;

/// Of 32 GiB, on a machine of 1 GiB: half of that would be needed for the struct pages.
TEST_F(WindowShortOfMemory, IsRefusedAndASmallerOneIsNot) {
  constexpr uint64_t kGibibyte = 1024 * kMebibyte;
  std::vector<BarPiece> pieces;
  for (uint64_t i = 0; i < 32; ++i) pieces.push_back({.offset_bytes = i * kGibibyte, .length_bytes = kGibibyte});
  Expect(Refusal(pieces), ENOMEM, "no memory to describe 0x800000000 bytes with");
  EXPECT_TRUE(windows_.Release(Make(kSound).number).ok());
}

TEST_F(WindowRefusal, ForAUserWithoutRights) {
  const std::string answer = RunInChild([]() -> std::string {
    if (!BecomeUser()) return "no user";
    return std::string(PeerWindows::Open().status().message());
  });
  EXPECT_THAT(answer, HasSubstr("group"));
}

}  // namespace
}  // namespace penstock::guest
