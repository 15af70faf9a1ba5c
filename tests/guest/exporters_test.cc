// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the cases of windows rest on: both exporters give memory of the function that is nothing but a BAR, the module takes it
// and gives it back whole, and nothing of it is left.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "driver/kernel/penstock_p2p/penstock_p2p.h"
#include "driver/pci_address.h"
#include "penstock/error.h"
#include "tests/driver/child_process.h"
#include "tests/guest/exporters.h"
#include "tests/guest/guest_machine.h"

namespace penstock::guest {
namespace {

constexpr uint64_t kMiB = 1 << 20;
const std::vector<BarPiece> kOnePiece = {{.offset_bytes = 4 * kMiB, .length_bytes = 8 * kMiB}};
const std::vector<BarPiece> kPieces = {{.offset_bytes = 16 * kMiB, .length_bytes = 2 * kMiB},
                                       {.offset_bytes = 0, .length_bytes = 2 * kMiB},
                                       {.offset_bytes = 32 * kMiB, .length_bytes = 4 * kMiB}};

/// The module, asked without the library.
class Module {
 public:
  Module() : device_(open(PENSTOCK_P2P_DEVICE, O_RDWR | O_CLOEXEC)) { EXPECT_GE(device_.get(), 0); }

  /// 0, or an errno.
  int Reserve(int dma_buf, const std::string& pci_address, uint32_t* window = nullptr) {
    penstock_p2p_reserve reserve{};
    reserve.dma_buf = dma_buf;
    const driver::PciAddress address = driver::ParsePciAddress(pci_address).value();
    reserve.function = {.domain = address.domain, .address = address.bus_device_function};
    if (ioctl(device_.get(), PENSTOCK_P2P_RESERVE, &reserve) != 0) return errno;
    if (window != nullptr) *window = reserve.window;
    return 0;
  }
  penstock_p2p_query Query(uint32_t window) {
    penstock_p2p_query query{};
    query.window = window;
    EXPECT_EQ(ioctl(device_.get(), PENSTOCK_P2P_QUERY, &query), 0);
    EXPECT_EQ(query.window, window);
    return query;
  }
  int Release(uint32_t window) {
    const penstock_p2p_release release{.window = window, .reserved = 0};
    return ioctl(device_.get(), PENSTOCK_P2P_RELEASE, &release) == 0 ? 0 : errno;
  }

 private:
  FileDescriptor device_;
};

void ExpectPieces(const penstock_p2p_query& window, const std::vector<BarPiece>& pieces) {
  EXPECT_EQ(window.state, uint32_t{PENSTOCK_P2P_PINNED});
  ASSERT_EQ(window.piece_count, pieces.size());
  for (size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_EQ(window.piece[i].bar, pieces[i].bar);
    EXPECT_EQ(window.piece[i].offset, pieces[i].offset_bytes);
    EXPECT_EQ(window.piece[i].length, pieces[i].length_bytes);
  }
}

TEST(VfioExporter, GivesWhatTheModuleReserves) {
  const std::string bar = BareBarAddress();
  const auto vfio = VfioFunction::Open(bar);
  ASSERT_TRUE(vfio.ok()) << vfio.status();
  const auto dma_buf = (*vfio)->Export(kOnePiece);
  ASSERT_TRUE(dma_buf.ok()) << dma_buf.status();
  Module module;
  uint32_t window = 0;
  ASSERT_EQ(module.Reserve(dma_buf->get(), bar, &window), 0);
  ExpectPieces(module.Query(window), kOnePiece);
  EXPECT_EQ(module.Release(window), 0);
}

TEST(Exporters, GiveWhatTheModuleReserves) {
  for (const uint32_t flags : {0u, PENSTOCK_EXPORTER_BUS_ADDRESSES}) {
    const TestExporter exporter(BareBarAddress());
    const auto buffer = exporter.Export(kPieces, {.flags = flags});
    ASSERT_TRUE(buffer.ok()) << buffer.status();
    Module module;
    uint32_t window = 0;
    ASSERT_EQ(module.Reserve(buffer->dma_buf.get(), exporter.pci_address(), &window), 0) << flags;
    ExpectPieces(module.Query(window), kPieces);
    EXPECT_EQ(exporter.Count(buffer->number).value(),
              (TestExporter::Counts{.buffers = 1, .attachments = 1, .pins = 1, .maps = 1, .maps_ever = 1}));
    EXPECT_EQ(module.Release(window), 0);
    EXPECT_EQ(exporter.Count(buffer->number).value(),
              (TestExporter::Counts{.buffers = 1, .attachments = 0, .pins = 0, .maps = 0, .maps_ever = 1}));
  }
}

TEST(Exporters, CountABufferThatOutlivesItsProcess) {
  const TestExporter exporter(BareBarAddress());
  Module module;
  const std::string answer = RunInChild([&]() -> std::string {
    const auto buffer = exporter.Export(kOnePiece);
    uint32_t window = 0;
    if (!buffer.ok() || module.Reserve(buffer->dma_buf.get(), exporter.pci_address(), &window) != 0) return "";
    return std::to_string(window);
  });
  ASSERT_NE(answer, "");
  EXPECT_EQ(exporter.Count().value().buffers, 1u);
  EXPECT_EQ(module.Release(static_cast<uint32_t>(std::stoul(answer))), 0);
  EXPECT_TRUE(Eventually([&] { return exporter.Count().value() == TestExporter::Counts{}; }));
}

TEST(Exporters, TellTheModuleThatTheMemoryMoves) {
  const TestExporter exporter(BareBarAddress());
  const auto buffer = exporter.Export(kOnePiece);
  ASSERT_TRUE(buffer.ok()) << buffer.status();
  Module module;
  uint32_t window = 0;
  ASSERT_EQ(module.Reserve(buffer->dma_buf.get(), exporter.pci_address(), &window), 0);
  EXPECT_TRUE(exporter.Move(buffer->number).ok());
  EXPECT_EQ(exporter.Count(buffer->number).value().maps, 0u);
  EXPECT_EQ(module.Query(window).state, uint32_t{PENSTOCK_P2P_REVOKED});
  EXPECT_EQ(module.Release(window), 0);
}

TEST(Exporters, RefuseWhatTheyAreTold) {
  const TestExporter exporter(BareBarAddress());
  struct Refusal {
    Behaviour behaviour;
    int error_number;
  };
  for (const Refusal& refusal : {Refusal{{.flags = PENSTOCK_EXPORTER_REFUSE_PEERS}, ECONNREFUSED},
                                 Refusal{{.flags = PENSTOCK_EXPORTER_FAIL_PIN, .error_number = EBUSY}, ECONNREFUSED},
                                 Refusal{{.flags = PENSTOCK_EXPORTER_FAIL_MAP, .error_number = EIO}, ECONNREFUSED},
                                 Refusal{{.flags = PENSTOCK_EXPORTER_SYSTEM_MEMORY}, EXDEV}}) {
    const auto buffer = exporter.Export(kOnePiece, refusal.behaviour);
    ASSERT_TRUE(buffer.ok()) << buffer.status();
    EXPECT_EQ(Module().Reserve(buffer->dma_buf.get(), exporter.pci_address()), refusal.error_number) << refusal.behaviour.flags;
    EXPECT_EQ(exporter.Count(buffer->number).value().attachments, 0u);
  }
  EXPECT_EQ(ErrnoOf(exporter.Export({{.offset_bytes = 64 * kMiB, .length_bytes = 4096}}).status()), EINVAL);
}

TEST(NoPeerMemoryForWindows, IsSaidWhateverTheBuffer) {
  const TestExporter exporter(BareBarAddress());
  const auto buffer = exporter.Export(kOnePiece);
  ASSERT_TRUE(buffer.ok()) << buffer.status();
  EXPECT_EQ(Module().Reserve(buffer->dma_buf.get(), exporter.pci_address()), EOPNOTSUPP);
  EXPECT_EQ(exporter.Count(buffer->number).value(), (TestExporter::Counts{.buffers = 1}));
}

TEST(Exporters, HaveAVirtualFunctionToo) {
  const ScopedVirtualFunction function("VIRTUAL");
  const TestExporter exporter(function.pci_address());
  const auto buffer = exporter.Export({{.offset_bytes = 0, .length_bytes = 16384, .bar = 0}});
  ASSERT_TRUE(buffer.ok()) << buffer.status();
  EXPECT_EQ(Module().Reserve(buffer->dma_buf.get(), function.pci_address()), EPERM);
}

}  // namespace
}  // namespace penstock::guest
