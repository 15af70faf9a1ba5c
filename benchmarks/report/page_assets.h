// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// page.html, page.css and the scripts, as embed.cmake puts them into the library when it is built.
#pragma once

namespace penstock::report {

extern const char kPageHtml[];
extern const char kPageCss[];
extern const char kPageScript[];

}  // namespace penstock::report
