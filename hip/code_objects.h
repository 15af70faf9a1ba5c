// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The built-in megakernel (megakernel.hip) as AMD GPUs run it: one code object for each target of the build
// (PENSTOCK_AMD_TARGETS), embedded in the library. Not on the nvidia platform, where nvcc builds the kernel into the program.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace penstock::hip {

/// What hipModuleLoadData takes, for one target.
struct CodeObject {
  std::string_view target;            // e.g. "gfx942" or "gfx9-4-generic"
  absl::Span<const std::byte> bytes;  // an ELF file, at an address that is a multiple of 4096
};

/// The kernel's name in every code object, for hipModuleGetFunction.
inline constexpr const char* kMegakernelName = "penstock_megakernel";

/// Those of this build. Threads: any.
absl::Span<const CodeObject> CodeObjects();

/// The one for a GPU whose hipDeviceProp_t::gcnArchName is `architecture`, e.g. "gfx942:sramecc+:xnack-": that of its own target,
/// else that of the generic target which covers it, else null. The features after the colon do not matter: the kernel is built
/// for either setting of each. Threads: any.
const CodeObject* ChooseCodeObject(absl::Span<const CodeObject> objects, std::string_view architecture);

/// What to tell where ChooseCodeObject finds none: FailedPrecondition, with the option that adds the target. Threads: any.
absl::Status NoCodeObjectError(absl::Span<const CodeObject> objects, std::string_view architecture);

}  // namespace penstock::hip
