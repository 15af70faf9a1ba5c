// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the cases in C share: a condition that must hold, and files to read.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "penstock/penstock.h"

/// Ends the test, and says where, if the condition does not hold.
#define CHECK(condition) CheckAt((condition), #condition, __FILE__, __LINE__)
void CheckAt(int holds, const char* condition, const char* file, int line);

/// Checks that a call ended with this code, and gave an error with a cause that holds `part`, and a remedy; frees the error.
#define CHECK_ERROR(call, error, code, part) CheckErrorAt((call), &(error), (code), (part), __FILE__, __LINE__)
void CheckErrorAt(int result, penstock_error** error, int code, const char* part, const char* file, int line);

/// Checks that a call succeeded; says why if not.
#define CHECK_OK(call, error) CheckErrorAt((call), &(error), PENSTOCK_OK, NULL, __FILE__, __LINE__)

/// Writes `length` bytes to the file of that name.
void WriteFile(const char* name, const void* bytes, size_t length);

/// CRC-32C by its definition, bit by bit.
uint32_t Crc32c(const uint8_t* bytes, size_t length);

void TestRing(const char* input);
void TestFullRing(const char* input);
void TestFaults(const char* input);
void TestTickets(const char* input);
void TestIngest(const char* input);
void TestIngestErrors(const char* input);
void TestCancel(const char* input);
