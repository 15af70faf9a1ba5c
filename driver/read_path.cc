// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/read_path.h"

namespace penstock {

std::string_view ReadPathName(ReadPath path) {
  switch (path) {
    case ReadPath::kRead: return "read";
    case ReadPath::kPread: return "pread";
  }
  return "unknown";
}

}  // namespace penstock
