// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a shared library of Penstock shows to others: it is compiled with hidden visibility.
#pragma once

/// Stands between `namespace` and `penstock` in every header that is installed, of those that declare what a source file defines:
/// what is declared in such a namespace is exported. A header that is not installed has it, there or before a function, where
/// another of our libraries or the command uses what it declares.
#define PENSTOCK_API [[gnu::visibility("default")]]
