// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is asked of the kernel module and what is made of its answers. The module is a fake; the real one is tested in the guest.
#include "penstock/peer_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "driver/peer_window_error.h"
#include "penstock/error.h"
#include "tests/driver/fake_tree.h"
#include "tests/fakes/fake_window_module.h"

namespace penstock {
namespace {

using absl::StatusCode;
using fakes::FakeWindowModule;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kMiB = 1 << 20;
constexpr char kAddress[] = "0000:41:00.0";

void ExpectRefused(const absl::Status& status, StatusCode code, const std::string& cause, const std::string& remedy) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(CauseOf(status), HasSubstr(cause));
  EXPECT_THAT(RemedyOf(status), HasSubstr(remedy));
}

std::vector<uint32_t> NumbersOf(const std::vector<PeerWindow>& windows) {
  std::vector<uint32_t> numbers;
  for (const PeerWindow& window : windows) numbers.push_back(window.number);
  return numbers;
}

PeerWindow Window(uint32_t number, PeerWindow::State state = PeerWindow::State::kPinned) {
  return {.number = number, .state = state, .pci_address = kAddress, .length_bytes = kMiB};
}

TEST(PeerWindows, OfAModuleThatIsNotLoadedSayHowToLoadIt) {
  const FakeTree tree;
  ExpectRefused(PeerWindows::Open(tree.root() + "/penstock_p2p").status(), StatusCode::kFailedPrecondition, "is not loaded",
                "modprobe penstock_p2p");
}

TEST(PeerWindows, OfANodeThatIsNoModuleAreRefused) {
  FakeTree tree;
  tree.File("penstock_p2p", "");
  ExpectRefused(PeerWindows::Open(tree.root() + "/penstock_p2p").status(), StatusCode::kFailedPrecondition, "speaks version 0",
                "same release");
}

TEST(PeerWindows, OfANodeThatMayNotBeOpenedNameItsGroup) {
  for (const int error : {EACCES, EPERM}) {
    ExpectRefused(driver::WindowNodeError(error, PeerWindows::kNode), StatusCode::kPermissionDenied, PeerWindows::kNode, "group");
  }
  for (const int error : {ENODEV, ENXIO}) {
    ExpectRefused(driver::WindowNodeError(error, PeerWindows::kNode), StatusCode::kFailedPrecondition, "not loaded", "modprobe");
  }
  ExpectRefused(driver::WindowNodeError(EMFILE, PeerWindows::kNode), StatusCode::kUnavailable, "cannot open", "dmesg");
}

TEST(PeerWindows, OfAnotherVersionAreRefusedBeforeAnythingIsAsked) {
  FakeWindowModule module;
  module.version = 2;
  ExpectRefused(module.TryOpen().status(), StatusCode::kFailedPrecondition, "speaks version 2 of its interface, this program 1",
                "same release");
  module.errors[PENSTOCK_P2P_GET_VERSION] = ENOTTY;
  ExpectRefused(module.TryOpen().status(), StatusCode::kFailedPrecondition, "speaks version 0", "same release");
}

TEST(PeerWindows, AreListedByNumberWhateverGapsThereAre) {
  FakeWindowModule module;
  EXPECT_THAT(*module.Open().List(), IsEmpty());
  constexpr uint32_t kLast = std::numeric_limits<uint32_t>::max();
  for (const uint32_t number : {3u, 0u, 7u, kLast}) module.Add(number, {.length = kMiB});
  const absl::StatusOr<std::vector<PeerWindow>> windows = module.Open().List();
  ASSERT_TRUE(windows.ok()) << windows.status();
  EXPECT_THAT(NumbersOf(*windows), ElementsAre(0, 3, 7, kLast));
}

TEST(PeerWindows, TellEverythingThatTheModuleTells) {
  FakeWindowModule module;
  module.Add(5, {.length = 6 * kMiB,
                 .function = {.domain = 0x10000, .address = 0xC1 << 8 | 2 << 3 | 1},
                 .mapping_count = 3,
                 .pieces = {{2, 0, 64 * kMiB, 4 * kMiB}, {2, 0, 0, 2 * kMiB}}});
  const absl::StatusOr<PeerWindow> window = module.Open().Find(5);
  ASSERT_TRUE(window.ok()) << window.status();
  EXPECT_EQ(window->number, 5u);
  EXPECT_TRUE(window->is_pinned());
  EXPECT_EQ(window->pci_address, "10000:c1:02.1");
  EXPECT_EQ(window->length_bytes, 6 * kMiB);
  EXPECT_EQ(window->mapping_count, 3u);
  ASSERT_EQ(window->pieces.size(), 2u);
  EXPECT_EQ(window->pieces[0].bar, 2u);
  EXPECT_EQ(window->pieces[0].offset_bytes, 64 * kMiB);
  EXPECT_EQ(window->pieces[0].length_bytes, 4 * kMiB);
  EXPECT_EQ(window->pieces[1].offset_bytes, 0u);
}

TEST(PeerWindows, InAStateThatIsNotKnownAreNotPinned) {
  FakeWindowModule module;
  for (const uint32_t state : {0u, uint32_t{PENSTOCK_P2P_REVOKED}, 9u}) {
    module.Add(1, {.length = kMiB, .state = state});
    EXPECT_FALSE(module.Open().Find(1)->is_pinned()) << state;
  }
}

TEST(PeerWindows, ThatMakeNoSenseAreNotBelieved) {
  FakeWindowModule module;
  penstock_p2p_query answer = {};
  answer.state = PENSTOCK_P2P_PINNED;
  answer.length = kMiB;
  answer.piece_count = PENSTOCK_P2P_MAX_PIECES + 1;
  module.scripted_answer = answer;
  ExpectRefused(module.Open().List().status(), StatusCode::kInternal, "makes no sense", "same release");
  module.scripted_answer->piece_count = 1;
  module.scripted_answer->piece[0].length = kMiB - 1;
  ExpectRefused(module.Open().List().status(), StatusCode::kInternal, "makes no sense", "same release");
  module.scripted_answer->piece[0].length = kMiB;  // and window 0 again and again
  ExpectRefused(module.Open().List().status(), StatusCode::kInternal, "makes no sense", "same release");
}

TEST(PeerWindows, AreFoundByTheirOwnNumberOnly) {
  FakeWindowModule module;
  module.Add(2, {.length = kMiB});
  const PeerWindows windows = module.Open();
  EXPECT_TRUE(windows.Find(2).ok());
  for (const uint32_t number : {1u, 3u}) {
    ExpectRefused(windows.Find(number).status(), StatusCode::kNotFound, absl::StrCat("find window ", number), "window list");
  }
}

TEST(PeerWindows, AreReservedForTheFunctionThatWasNamed) {
  FakeWindowModule module;
  module.Add(4, {.length = kMiB});
  const absl::StatusOr<uint32_t> number = module.Open().Reserve(17, "0001:41:02.3");
  ASSERT_TRUE(number.ok()) << number.status();
  EXPECT_EQ(*number, 5u);
  EXPECT_EQ(module.last_reserve->dma_buf, 17);
  EXPECT_EQ(module.last_reserve->flags, 0u);
  EXPECT_EQ(module.last_reserve->reserved, 0u);
  EXPECT_EQ(module.last_reserve->function.domain, 1u);
  EXPECT_EQ(module.last_reserve->function.address, 0x4113u);
}

TEST(PeerWindows, AreNotReservedForWhatIsNoAddress) {
  FakeWindowModule module;
  for (const char* const address : {"", "gpu0", "41:00", "0000:41:20.0", "0000:41:00.8", "000:41:00.0", "0000:4g:00.0",
                                    "0000:41:00.0 ", "0x0:41:00.0", "123456789:41:00.0", "+000:41:00.0"}) {
    ExpectRefused(module.Open().Reserve(17, address).status(), StatusCode::kInvalidArgument, "no PCI address", "lspci -D");
  }
  EXPECT_EQ(module.last_reserve, std::nullopt);
}

TEST(PeerWindows, ThatTheModuleRefusesToReserveSayWhyAndWhatToDo) {
  const struct {
    int error;
    StatusCode code;
    const char* cause;
    const char* remedy;
  } cases[] = {
      {EBADF, StatusCode::kInvalidArgument, "no dma-buf", "hipMemGetHandleForAddressRange"},
      {ENODEV, StatusCode::kNotFound, "no such PCI function", "lspci -D"},
      {EPERM, StatusCode::kFailedPrecondition, "virtual function", "physical function"},
      {EUNATCH, StatusCode::kFailedPrecondition, "no driver is bound", "modprobe amdgpu"},
      {EOPNOTSUPP, StatusCode::kUnimplemented, "no peer-to-peer memory", "CONFIG_PCI_P2PDMA=y"},
      {EEXIST, StatusCode::kFailedPrecondition, "one already", "window list"},
      {EADDRINUSE, StatusCode::kFailedPrecondition, "somebody else", "amdgpu"},
      {ECONNREFUSED, StatusCode::kFailedPrecondition, "does not let peers reach", "dmesg"},
      {EXDEV, StatusCode::kFailedPrecondition, "outside its BARs", "memory to spare"},
      {EFBIG, StatusCode::kFailedPrecondition, "larger than any of its BARs", "resizable BARs"},
      {ERANGE, StatusCode::kInvalidArgument, "multiple of 2 MiB", "contiguous"},
      {E2BIG, StatusCode::kResourceExhausted, "more than 64 pieces", "reserve less"},
      {EADDRNOTAVAIL, StatusCode::kFailedPrecondition, "place of an earlier window", "driver anew"},
      {ESTALE, StatusCode::kUnavailable, "took the buffer back", "again"},
      {ENOMEM, StatusCode::kResourceExhausted, "describe its pages", "64 bytes for each 4 KiB"},
      {EFAULT, StatusCode::kUnavailable, "cannot reserve", "dmesg"},
  };
  FakeWindowModule module;
  const PeerWindows windows = module.Open();
  std::set<std::string> remedies;
  for (const auto& [error, code, cause, remedy] : cases) {
    module.errors[PENSTOCK_P2P_RESERVE] = error;
    const absl::Status status = windows.Reserve(17, kAddress).status();
    ExpectRefused(status, code, cause, remedy);
    EXPECT_THAT(CauseOf(status), HasSubstr(absl::StrCat("cannot reserve a window of ", kAddress)));
    EXPECT_EQ(ErrnoOf(status), error);
    EXPECT_TRUE(remedies.insert(RemedyOf(status)).second) << "two refusals with the same remedy: " << status;
  }
}

TEST(PeerWindows, AreExportedAsADescriptorOfTheirOwn) {
  FakeWindowModule module;
  module.Add(1, {.length = kMiB});
  const PeerWindows windows = module.Open();
  const absl::StatusOr<FileDescriptor> descriptor = windows.Export(1);
  ASSERT_TRUE(descriptor.ok()) << descriptor.status();
  EXPECT_GE(descriptor->get(), 0);
  ExpectRefused(windows.Export(2).status(), StatusCode::kNotFound, "cannot export window 2", "window list");
  module.errors[PENSTOCK_P2P_EXPORT] = ESTALE;
  ExpectRefused(windows.Export(1).status(), StatusCode::kFailedPrecondition, "window 1 is revoked", "reserve a new one");
}

TEST(PeerWindows, AreReleasedOrSayWhoHoldsThem) {
  FakeWindowModule module;
  module.Add(1, {.length = kMiB});
  const PeerWindows windows = module.Open();
  const struct {
    int error;
    StatusCode code;
    const char* cause;
    const char* remedy;
  } cases[] = {
      {EBUSY, StatusCode::kFailedPrecondition, "it is mapped", "fuser"},
      {EINTR, StatusCode::kUnavailable, "a signal", "again"},
      {EIO, StatusCode::kUnavailable, "cannot release window 1", "dmesg"},
  };
  for (const auto& [error, code, cause, remedy] : cases) {
    module.errors[PENSTOCK_P2P_RELEASE] = error;
    ExpectRefused(windows.Release(1), code, cause, remedy);
  }
  module.errors.clear();
  EXPECT_TRUE(windows.Release(1).ok());
  ExpectRefused(windows.Release(1), StatusCode::kNotFound, "none of that number", "window list");
}

TEST(PeerWindows, AreReleasedThoughTheWaitForTheirEndIsInterrupted) {
  FakeWindowModule module;
  for (const bool ends : {false, true}) {
    module.Add(1, {.length = kMiB});
    module.interruptions = 3;
    module.ends_when_interrupted = ends;
    EXPECT_EQ(module.Open().Release(1), absl::OkStatus());
    EXPECT_TRUE(module.windows.empty());
  }
}

TEST(PeerWindows, AreMappedFromTheirOwnPlaceAndOutliveTheirFinder) {
  FakeWindowModule module;
  module.Add(1, {.length = kMiB});
  module.Add(2, {.length = 2 * kMiB, .mmap_offset = kMiB});
  absl::StatusOr<DeviceMemory> memory = module.Open().Map(2);
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->memory.size(), 2 * kMiB);
  EXPECT_EQ(memory->name, "window 2 of 0000:41:00.0");
  memory->memory.back() = std::byte{0xA5};
  std::byte last{};
  EXPECT_EQ(pread(module.file(), &last, 1, 3 * kMiB - 1), 1);
  EXPECT_EQ(last, std::byte{0xA5});
  EXPECT_EQ(module.Open().Map(1, 8192)->memory.size(), 8192u);
}

TEST(PeerWindows, AreMappedInWholePagesOfWhatThereIs) {
  FakeWindowModule module;
  module.Add(1, {.length = kMiB});
  const PeerWindows windows = module.Open();
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{kMiB - 1}}) {
    ExpectRefused(windows.Map(1, bytes).status(), StatusCode::kInvalidArgument, "no whole pages", "multiple of 4096");
  }
  ExpectRefused(windows.Map(1, kMiB + 4096).status(), StatusCode::kOutOfRange, "window 1 has 1048576 bytes", "less of it");
  ExpectRefused(windows.Map(3).status(), StatusCode::kNotFound, "window 3", "window list");
  module.Add(1, {.length = kMiB, .state = PENSTOCK_P2P_REVOKED});
  ExpectRefused(windows.Map(1).status(), StatusCode::kFailedPrecondition, "revoked", "release it");
}

TEST(ChooseWindow, WithoutANumberTakesTheOnlyOneThatIsPinned) {
  const std::vector<PeerWindow> windows = {Window(1, PeerWindow::State::kRevoked), Window(4)};
  EXPECT_EQ(ChooseWindow(windows, std::nullopt)->number, 4u);
  EXPECT_EQ(ChooseWindow(windows, 4)->number, 4u);
}

TEST(ChooseWindow, SaysWhatToDoWhereThereIsNoneOrNotOne) {
  const std::vector<PeerWindow> windows = {Window(1, PeerWindow::State::kRevoked), Window(4), Window(6)};
  ExpectRefused(ChooseWindow({}, std::nullopt).status(), StatusCode::kNotFound, "no window that is pinned", "window reserve");
  ExpectRefused(ChooseWindow(absl::MakeSpan(windows).first(1), std::nullopt).status(), StatusCode::kNotFound,
                "no window that is pinned", "window reserve");
  ExpectRefused(ChooseWindow(windows, 2).status(), StatusCode::kNotFound, "no window 2", "window list");
  ExpectRefused(ChooseWindow(windows, std::nullopt).status(), StatusCode::kInvalidArgument, "2 windows: 4, 6",
                "--buffer=window:4");
  ExpectRefused(ChooseWindow(windows, 1).status(), StatusCode::kFailedPrecondition, "window 1 is revoked", "release it");
}

}  // namespace
}  // namespace penstock
