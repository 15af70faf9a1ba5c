// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The end of a window, by everybody who can bring it about, while reads are on their way into it: they end, nothing hangs, the
// exporter has its memory back, and the kernel is well.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "absl/time/clock.h"
#include "penstock/error.h"
#include "penstock/file_descriptor.h"
#include "tests/guest/ingest_run.h"
#include "tests/guest/window_rig.h"

namespace penstock::guest {
namespace {

const std::vector<BarPiece> kPieces = {{.offset_bytes = 4 * kMebibyte, .length_bytes = 8 * kMebibyte},
                                       {.offset_bytes = 32 * kMebibyte, .length_bytes = 2 * kMebibyte}};

/// A process that reads a disk into a window again and again, until a run fails or the window's memory is gone under it.
class Load {
 public:
  Load(const Disk& disk, const std::function<IngestOptions()>& into) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    progress_ = FileDescriptor(ends[0]);
    const FileDescriptor told(ends[1]);
    child_ = fork();
    if (child_ != 0) return;
    IngestOptions options = into();
    options.progress = [&](uint64_t) { (void)!write(told.get(), ".", 1); };
    for (;;) {
      const absl::StatusOr<IngestReport> report = IngestCrc32c({disk.char_node}, options);
      if (!report.ok() || !report->status.ok()) _exit(kFailed);
      if (report->sources.at(0).result.crc32c != disk.crc32c) _exit(kWrong);
    }
  }
  ~Load() {
    Kill();
    (void)End();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void WaitUntilItRuns() const {
    char dots[8];
    for (ssize_t seen = 0; seen < 8;) {
      const ssize_t got = read(progress_.get(), dots, sizeof(dots));
      ASSERT_GT(got, 0) << "the load ended before anything happened";
      seen += got;
    }
  }
  void Kill() const {
    if (child_ > 0) kill(child_, SIGKILL);
  }
  /// Waits for its end: what the process died of, in words.
  std::string End() {
    int status = 0;
    if (child_ <= 0 || waitpid(child_, &status, 0) != child_) return "over";
    child_ = 0;
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGBUS ? "its memory is gone" : strsignal(WTERMSIG(status));
    return WEXITSTATUS(status) == kFailed ? "a read failed" : "wrong bytes";
  }

 private:
  static constexpr int kFailed = 3;
  static constexpr int kWrong = 4;

  FileDescriptor progress_;
  pid_t child_ = -1;
};

class WindowLife : public WindowTest {
 protected:
  WindowLife() : bar_(pci_address()) { bar_.Mark(); }
  /// Nothing was written beside the window while it was there, and nothing is written into its memory any more.
  ~WindowLife() override {
    EXPECT_EQ(bar_.FirstChangeOutside(kPieces), kBarBytes);
    bar_.Mark();
    absl::SleepFor(absl::Milliseconds(100));
    EXPECT_EQ(bar_.FirstChangeOutside({}), kBarBytes);
  }

  std::function<IngestOptions()> IntoIt(uint32_t window) {
    return [this, window] { return IntoWindow(windows_, window); };
  }

  WholeBar bar_;
};

constexpr auto DiedOfIt = [] { return testing::AnyOf("its memory is gone", "a read failed"); };

TEST_F(WindowLife, IsNotOverWhileItIsMapped) {
  const Made made = Make(kPieces);
  {
    const DeviceMemory memory = windows_.Map(made.number).value();
    EXPECT_EQ(ErrnoOf(windows_.Release(made.number)), EBUSY);
    Load load(DiskOf("PLAIN"), IntoIt(made.number));
    load.WaitUntilItRuns();
    EXPECT_EQ(ErrnoOf(windows_.Release(made.number)), EBUSY);
  }
  EXPECT_TRUE(windows_.Release(made.number).ok());
  EXPECT_EQ(ErrnoOf(windows_.Release(made.number)), ENOENT);
}

TEST_F(WindowLife, OutlivesAProcessThatIsKilledWithReadsInFlight) {
  const Made made = Make(kPieces);
  for (int i = 0; i < 3; ++i) {
    Load load(DiskOf("PLAIN"), IntoIt(made.number));
    load.WaitUntilItRuns();
    load.Kill();
    EXPECT_EQ(load.End(), strsignal(SIGKILL));
    EXPECT_TRUE(windows_.Find(made.number).value().is_pinned());
  }
  ExpectWhole({DiskOf("PLAIN")}, {DiskOf("PLAIN").char_node}, IntoWindow(windows_, made.number));
  EXPECT_TRUE(windows_.Release(made.number).ok());
}

TEST_F(WindowLife, EndsWhenTheExporterTakesTheMemoryBackUnderLoad) {
  const Made made = Make(kPieces);
  Load load(DiskOf("PLAIN"), IntoIt(made.number));
  load.WaitUntilItRuns();
  EXPECT_TRUE(exporter_.Move(made.buffer.number).ok());
  EXPECT_EQ(exporter_.Count(made.buffer.number).value().maps, 0u);
  EXPECT_THAT(load.End(), DiedOfIt());
  EXPECT_EQ(windows_.Find(made.number).value().state, PeerWindow::State::kRevoked);
  EXPECT_FALSE(windows_.Map(made.number).ok());
  EXPECT_EQ(ErrnoOf(windows_.Export(made.number).status()), ESTALE);
  EXPECT_EQ(ErrnoOf(windows_.Reserve(made.buffer.dma_buf.get(), pci_address()).status()), EEXIST);
  EXPECT_TRUE(windows_.Release(made.number).ok());
  EXPECT_TRUE(windows_.Reserve(made.buffer.dma_buf.get(), pci_address()).ok()) << "there is a new one in its place";
}

TEST_F(WindowLife, EndsWhenTheDriverIsUnboundUnderLoad) {
  const Made made = Make(kPieces);
  Load load(DiskOf("PLAIN"), IntoIt(made.number));
  load.WaitUntilItRuns();
  EXPECT_TRUE(exporter_.Unbind());
  EXPECT_THAT(load.End(), DiedOfIt());
  EXPECT_TRUE(windows_.List().value().empty());
  EXPECT_EQ(ErrnoOf(windows_.Release(made.number)), ENOENT);
}

int RemoveModule(const char* name) { return syscall(SYS_delete_module, name, O_NONBLOCK) == 0 ? 0 : errno; }

TEST(WindowModule, StaysWhileAnythingRestsOnIt) {
  auto exporter = std::make_unique<TestExporter>(BareBarAddress());
  auto windows = std::make_unique<PeerWindows>(PeerWindows::Open().value());
  const auto buffer = exporter->Export(kPieces);
  ASSERT_TRUE(buffer.ok()) << buffer.status();
  const uint32_t window = windows->Reserve(buffer->dma_buf.get(), exporter->pci_address()).value();
  {
    const DeviceMemory memory = windows->Map(window).value();
    windows.reset();
    EXPECT_EQ(RemoveModule("penstock_p2p"), EWOULDBLOCK) << "a window is mapped";
  }
  EXPECT_EQ(RemoveModule("penstock_p2p"), EWOULDBLOCK) << "there is a window";
  EXPECT_TRUE(PeerWindows::Open()->Release(window).ok());
  EXPECT_EQ(RemoveModule("penstock_p2p"), EWOULDBLOCK) << "a part of the BAR has pages";
  exporter.reset();
  EXPECT_EQ(RemoveModule("penstock_p2p"), 0);
  EXPECT_EQ(PeerWindows::Open().status().code(), absl::StatusCode::kFailedPrecondition);
  const FileDescriptor module(open("/guest/modules/penstock_p2p.ko", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(syscall(SYS_finit_module, module.get(), "", 0), 0);
  EXPECT_TRUE(PeerWindows::Open().ok());
}

TEST(WindowByVfio, EndsWhenTheFunctionIsClosedUnderLoad) {
  auto vfio = VfioFunction::Open(BareBarAddress());
  ASSERT_TRUE(vfio.ok()) << vfio.status();
  const PeerWindows windows = PeerWindows::Open().value();
  const uint32_t window = windows.Reserve((*vfio)->Export(kPieces)->get(), BareBarAddress()).value();
  Load load(DiskOf("PLAIN"), [&] { return IntoWindow(windows, window); });
  load.WaitUntilItRuns();
  vfio->reset();
  EXPECT_THAT(load.End(), DiedOfIt());
  EXPECT_TRUE(windows.List().value().empty());
}

TEST(WindowByVfio, EndsWhenTheDriverIsUnboundWhileOnlyTheWindowHoldsTheBuffer) {
  auto vfio = VfioFunction::Open(BareBarAddress());
  ASSERT_TRUE(vfio.ok()) << vfio.status();
  const PeerWindows windows = PeerWindows::Open().value();
  ASSERT_TRUE(windows.Reserve((*vfio)->Export(kPieces)->get(), BareBarAddress()).ok());
  vfio->reset();  // closes the function, and then unbinds the driver
  EXPECT_EQ(DriverOf(BareBarAddress()), "");
  EXPECT_TRUE(windows.List().value().empty());
}

/// Comes last in its boot: what was pulled out does not come back.
TEST(WindowUnplugged, EndsWithItsFunctionUnderLoad) {
  const TestExporter exporter(BareBarAddress());
  const PeerWindows windows = PeerWindows::Open().value();
  const auto buffer = exporter.Export(kPieces);
  ASSERT_TRUE(buffer.ok()) << buffer.status();
  const uint32_t window = windows.Reserve(buffer->dma_buf.get(), exporter.pci_address()).value();
  Load load(DiskOf("PLAIN"), [&] { return IntoWindow(windows, window); });
  load.WaitUntilItRuns();
  AskHost("device_del id=BAR");
  EXPECT_THAT(load.End(), DiedOfIt());
  EXPECT_TRUE(Eventually([&] { return windows.List().value().empty(); }));
  EXPECT_TRUE(Eventually([&] { return access(("/sys/bus/pci/devices/" + exporter.pci_address()).c_str(), F_OK) != 0; }));
}

}  // namespace
}  // namespace penstock::guest
