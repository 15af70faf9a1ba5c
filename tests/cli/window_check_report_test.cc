// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/window_check_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "penstock/error.h"

namespace penstock::cli {
namespace {

using testing::HasSubstr;

PlaceCheck Place(uint64_t offset_bytes, uint32_t length_bytes) {
  PlaceCheck place;
  place.place = {offset_bytes, length_bytes};
  return place;
}

WindowCheckReport Example() {
  WindowCheckReport report;
  report.host.kernel_release = "6.12.1";
  PciGpu& gpu = report.host.gpus.emplace_back();
  gpu.pci_address = "0000:c1:00.0";
  gpu.vendor = 0x1002;
  gpu.device = 0x74a1;
  gpu.driver = "amdgpu";
  report.window = {.number = 2, .pci_address = gpu.pci_address, .length_bytes = 4u << 20, .pieces = {{0, 2u << 20, 4u << 20}}};
  report.volume = "/dev/ng0n1";
  NvmeController& controller = report.nvme.emplace().controller;
  controller.name = "nvme0";
  controller.pci_address = "0000:41:00.0";
  controller.model = "Some Drive";
  controller.firmware = "F2";
  report.device = "hip:0 (Some GPU, gfx942)";
  report.check.compared_with = "read";
  report.check.commands = 1;
  PlaceCheck& place = report.check.places.emplace_back(Place(0, 256u << 10));
  place.is_right_on_device = true;
  place.are_neighbours_intact = true;
  ControllerCounts& counts = report.check.controllers.emplace_back();
  counts.controller = controller;
  counts.read_commands = 1;
  return report;
}

absl::Status Wrong() { return MakeError(absl::StatusCode::kDataLoss, What("wrong bytes"), Fix("report it")); }

TEST(WindowCheckReport, TextTellsWhatThereIsAndThatItWorks) {
  EXPECT_EQ(FormatWindowCheck(Example()),
            "penstock    " PENSTOCK_VERSION
            "\n"
            "kernel      6.12.1, IOMMU none\n"
            "window      2: 4.00 MiB of 0000:c1:00.0, BAR 0 at 0x200000, not mapped, --buffer=window:2\n"
            "GPU         0000:c1:00.0: 1002:74a1, driver amdgpu\n"
            "volume      /dev/ng0n1, nvme0: Some Drive, firmware F2, PCI 0000:41:00.0\n"
            "device      hip:0 (Some GPU, gfx942)\n"
            "\n"
            "     in window     bytes       of volume  CPU    device beside\n"
            "             0   256 KiB               0  equal  equal  untouched\n"
            "\n"
            "sent        1 NVMe commands by path bar; compared with path read\n"
            "controller  nvme0 counted 1 read commands; the block layer sent 0\n"
            "result      works: every byte was right\n");
}

TEST(WindowCheckReport, TextTellsWhatIsWrongAndWhere) {
  WindowCheckReport report = Example();
  PlaceCheck& place = report.check.places[0];
  place.place.offset_bytes = 0x200000;
  place.status = report.check.status = Wrong();
  place.first_difference = 5;
  place.is_right_on_device = false;
  place.are_neighbours_intact = false;
  report.check.places.push_back(Place(0, 4096));
  report.check.controllers[0].status = Wrong();
  const std::string text = FormatWindowCheck(report);
  EXPECT_THAT(text, HasSubstr("      0x200000   256 KiB               0  WRONG  WRONG  OVERWRITTEN\n"
                              "                wrong bytes. Fix: report it.\n"
                              "             0  4.00 KiB               0  -      -      -\n"));
  EXPECT_THAT(text, HasSubstr("nvme0 does not tell its count: wrong bytes; the block layer sent 0\n"));
  EXPECT_THAT(text, HasSubstr("result      FAILED\n"));
}

TEST(WindowCheckReport, TextTellsWhyNobodyLookedFromTheDevicesSide) {
  WindowCheckReport report = Example();
  report.device.clear();
  report.device_refusal = DeviceRefusal{"hip:0", "there is no GPU", "put one in"};
  EXPECT_THAT(FormatWindowCheck(report), HasSubstr("device      none: seen from the CPU's side only\n"
                                                   "            not hip:0: there is no GPU. Fix: put one in.\n"));
}

TEST(WindowCheckReport, JsonTellsTheSame) {
  const nlohmann::json json = nlohmann::json::parse(FormatWindowCheckJson(Example()));
  EXPECT_EQ(json["version"], PENSTOCK_VERSION);
  EXPECT_EQ(json["kernel"], "6.12.1");
  EXPECT_EQ(json["window"]["number"], 2);
  EXPECT_EQ(json["gpu"], nlohmann::json({{"vendor", "1002"}, {"device", "74a1"}, {"driver", "amdgpu"}}));
  EXPECT_EQ(json["volume"]["controller"]["firmware"], "F2");
  EXPECT_EQ(json["device"], "hip:0 (Some GPU, gfx942)");
  EXPECT_TRUE(json["device_refusal"].is_null() && json["error"].is_null());
  EXPECT_EQ(json["compared_with"], "read");
  EXPECT_EQ(json["nvme_commands"], 1);
  EXPECT_EQ(json["controller"][0]["read_commands"], 1);
  const nlohmann::json& place = json["place"][0];
  EXPECT_EQ(place["length_bytes"], 256u << 10);
  EXPECT_TRUE(place["first_difference"].is_null() && place["error"].is_null());
  EXPECT_EQ(place["right_on_device"], true);
  EXPECT_EQ(place["neighbours_intact"], true);
}

TEST(WindowCheckReport, JsonTellsWhatIsWrongAndWhatIsNotKnown) {
  WindowCheckReport report = Example();
  report.host.gpus.clear();
  report.nvme.reset();
  report.device.clear();
  report.device_refusal = DeviceRefusal{"hip:0", "there is no GPU", "put one in"};
  PlaceCheck& place = report.check.places[0];
  place.status = report.check.status = Wrong();
  place.first_difference = 5;
  place.untouched_bytes = 7;
  place.is_right_on_device = std::nullopt;
  report.check.controllers[0].status = Wrong();
  const nlohmann::json json = nlohmann::json::parse(FormatWindowCheckJson(report));
  EXPECT_TRUE(json["gpu"].is_null() && json["device"].is_null() && json["volume"]["controller"].is_null());
  EXPECT_EQ(json["device_refusal"]["remedy"], "put one in");
  EXPECT_EQ(json["place"][0]["first_difference"], 5);
  EXPECT_EQ(json["place"][0]["untouched_bytes"], 7);
  EXPECT_TRUE(json["place"][0]["right_on_device"].is_null());
  EXPECT_TRUE(json["controller"][0]["read_commands"].is_null());
  EXPECT_EQ(json["error"]["code"], "DATA_LOSS");
}

}  // namespace
}  // namespace penstock::cli
