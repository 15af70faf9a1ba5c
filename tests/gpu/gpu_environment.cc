// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Skips every test of the program where no GPU can be used, saying why.
#include <gtest/gtest.h>

#include "penstock/hip_device.h"

namespace penstock {
namespace {

class GpuEnvironment : public testing::Environment {
  void SetUp() override {
    const auto gpus = FindGpus();
    if (!gpus.ok()) GTEST_SKIP() << gpus.status().message();
    if (gpus->empty()) GTEST_SKIP() << "there is no GPU. Fix: run it on a machine that has one.";
  }
};

[[maybe_unused]] const testing::Environment* const environment = testing::AddGlobalTestEnvironment(new GpuEnvironment);

}  // namespace
}  // namespace penstock
