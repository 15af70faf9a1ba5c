// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/guest/window_rig.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "penstock/file_descriptor.h"

namespace penstock::guest {
namespace {

uint64_t MarkAt(uint64_t offset_bytes) { return Mix(~offset_bytes); }

}  // namespace

WholeBar::WholeBar(const std::string& pci_address) {
  const FileDescriptor fd(open(("/sys/bus/pci/devices/" + pci_address + "/resource2").c_str(), O_RDWR | O_CLOEXEC));
  void* const base = mmap(nullptr, kBarBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  EXPECT_NE(base, MAP_FAILED);
  bytes_ = {static_cast<std::byte*>(base), kBarBytes};
}

WholeBar::~WholeBar() { munmap(bytes_.data(), bytes_.size()); }

void WholeBar::Mark() {
  for (uint64_t at = 0; at < kBarBytes; at += sizeof(uint64_t)) {
    const uint64_t mark = MarkAt(at);
    std::memcpy(&bytes_[at], &mark, sizeof(mark));
  }
}

uint64_t WholeBar::FirstChangeOutside(const std::vector<BarPiece>& parts) const {
  for (uint64_t at = 0; at < kBarBytes; at += sizeof(uint64_t)) {
    const auto inside = [at](const BarPiece& part) { return at - part.offset_bytes < part.length_bytes; };
    if (std::any_of(parts.begin(), parts.end(), inside)) continue;
    const uint64_t mark = MarkAt(at);
    if (std::memcmp(&bytes_[at], &mark, sizeof(mark)) != 0) return at;
  }
  return kBarBytes;
}

WindowTest::WindowTest() : exporter_(BareBarAddress()), windows_(PeerWindows::Open().value()) {
  EXPECT_TRUE(windows_.List().value().empty());
}

WindowTest::~WindowTest() {
  const std::vector<PeerWindow> left = windows_.List().value();
  for (const PeerWindow& window : left) EXPECT_TRUE(windows_.Release(window.number).ok()) << window.number;
  EXPECT_TRUE(Eventually([this] { return exporter_.Count().value() == TestExporter::Counts{}; })) << "something is left";
}

WindowTest::Made WindowTest::Make(const std::vector<BarPiece>& pieces, Behaviour behaviour) {
  auto buffer = exporter_.Export(pieces, behaviour);
  EXPECT_TRUE(buffer.ok()) << buffer.status();
  const auto number = windows_.Reserve(buffer->dma_buf.get(), pci_address());
  EXPECT_TRUE(number.ok()) << number.status();
  return {number.value_or(0), *std::move(buffer)};
}

absl::Status WindowTest::Refusal(const std::vector<BarPiece>& pieces, Behaviour behaviour, const std::string& address) {
  const auto buffer = exporter_.Export(pieces, behaviour);
  if (!buffer.ok()) return buffer.status();
  return windows_.Reserve(buffer->dma_buf.get(), address.empty() ? pci_address() : address).status();
}

IngestOptions IntoWindow(const PeerWindows& windows, uint32_t window, uint32_t chunk_bytes, uint32_t depth) {
  IngestOptions options;
  options.path = ReadPath::kBar;
  options.chunk_bytes = chunk_bytes;
  options.depth = depth;
  const auto memory = windows.Map(window);
  EXPECT_TRUE(memory.ok()) << memory.status();
  if (memory.ok()) options.make_pool = PoolsIn(*memory);
  return options;
}

}  // namespace penstock::guest
