// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <stdlib.h>
#include <string.h>

#include "tests/c/c_test.h"

enum { kLength = 300001 };  // several chunks of 64 KiB, and an odd end

/// What is read: lines of one word.
static uint8_t* WriteInput(const char* name) {
  static const char kLine[] = "penstock\n";
  uint8_t* const bytes = malloc(kLength);
  CHECK(bytes != NULL);
  for (size_t i = 0; i < kLength; ++i) bytes[i] = (uint8_t)kLine[i % (sizeof(kLine) - 1)];
  WriteFile(name, bytes, kLength);
  return bytes;
}

/// Ingests one file on a device of its own, and checks that all of it was.
static penstock_result* Ingest(const char* name, int operation, const penstock_ingest_options* options,
                               penstock_source_result* source) {
  // [ingest]
  penstock_error* error = NULL;
  penstock_device* device = NULL;
  penstock_result* result = NULL;
  CHECK_OK(penstock_device_open("cpu", NULL, &device, &error), error);
  CHECK_OK(penstock_ingest(device, &name, 1, operation, options, &result, &error), error);
  CHECK(penstock_result_count(result) == 1 && penstock_result_seconds(result) > 0);
  memset(source, 0, sizeof(*source));
  source->size = sizeof(*source);
  CHECK_OK(penstock_result_source(result, 0, source, &error), error);
  // [/ingest]
  CHECK(source->code == PENSTOCK_OK && strcmp(source->name, name) == 0 && source->path[0] != '\0');
  CHECK(strcmp(source->cause, "") == 0 && strcmp(source->remedy, "") == 0);
  penstock_device_close(device);
  return result;
}

static void CheckHistogram(const uint64_t* histogram, const uint8_t* bytes) {
  uint64_t expected[256] = {0};
  for (size_t i = 0; i < kLength; ++i) ++expected[bytes[i]];
  CHECK(histogram != NULL && memcmp(histogram, expected, sizeof(expected)) == 0);
}

void TestIngest(const char* input) {
  uint8_t* const bytes = WriteInput(input);
  penstock_source_result source;
  penstock_ingest_options options = {.size = sizeof(options), .chunk_bytes = 65536, .depth = 4};
  penstock_result* result = Ingest(input, PENSTOCK_CRC32C, &options, &source);
  CHECK(source.bytes == kLength && source.crc32c == Crc32c(bytes, kLength) && source.histogram == NULL);
  penstock_result_free(result);

  result = Ingest(input, PENSTOCK_HISTOGRAM, NULL, &source);
  CheckHistogram(source.histogram, bytes);
  penstock_result_free(result);

  penstock_pattern pattern = {"stock", 5};
  options.patterns = &pattern;
  options.pattern_count = 1;
  result = Ingest(input, PENSTOCK_MATCH, &options, &source);
  CHECK(source.matches == kLength / 9);
  penstock_result_free(result);

  pattern.bytes = "penstock\n";
  pattern.length = 9;
  result = Ingest(input, PENSTOCK_VERIFY, &options, &source);
  CHECK(source.first_difference == UINT64_MAX);
  penstock_result_free(result);
  options.offset_bytes = 1;
  result = Ingest(input, PENSTOCK_VERIFY, &options, &source);
  CHECK(source.first_difference == 0 && source.bytes == kLength - 1);
  penstock_result_free(result);

  options.offset_bytes = 4096;
  options.length_bytes = 8192;
  options.path = "pread";
  result = Ingest(input, PENSTOCK_CRC32C, &options, &source);
  CHECK(source.bytes == 8192 && source.crc32c == Crc32c(bytes + 4096, 8192) && strcmp(source.path, "pread") == 0);
  penstock_result_free(result);
  free(bytes);
}

static void CheckSetUpErrors(penstock_device* device, const char* input) {
  penstock_error* error = NULL;
  penstock_result* result = NULL;
  penstock_ingest_options options = {.size = sizeof(options), .path = "fast"};
  CHECK_ERROR(penstock_ingest(device, &input, 1, PENSTOCK_CRC32C, &options, &result, &error), error, PENSTOCK_INVALID_ARGUMENT,
              "'fast'");
  CHECK_ERROR(penstock_ingest(device, &input, 1, 99, NULL, &result, &error), error, PENSTOCK_INVALID_ARGUMENT, "operation 99");
  CHECK_ERROR(penstock_ingest(device, &input, 1, PENSTOCK_VERIFY, NULL, &result, &error), error, PENSTOCK_INVALID_ARGUMENT, "");
  CHECK_ERROR(penstock_ingest(device, NULL, 1, PENSTOCK_CRC32C, NULL, &result, &error), error, PENSTOCK_INVALID_ARGUMENT,
              "sources is null");
  CHECK(result == NULL);
}

void TestIngestErrors(const char* input) {
  uint8_t* const bytes = WriteInput(input);
  const char* const sources[] = {"/no/such/file", input};
  penstock_error* error = NULL;
  penstock_device* device = NULL;
  penstock_result* result = NULL;
  penstock_source_result source = {.size = sizeof(source)};
  CHECK_OK(penstock_device_open("cpu", NULL, &device, &error), error);
  CheckSetUpErrors(device, input);

  // The first source's error; the other is whole.
  CHECK_ERROR(penstock_ingest(device, sources, 2, PENSTOCK_CRC32C, NULL, &result, &error), error, PENSTOCK_NOT_FOUND, "such");
  CHECK(penstock_result_count(result) == 2);
  CHECK_OK(penstock_result_source(result, 0, &source, &error), error);
  CHECK(source.code == PENSTOCK_NOT_FOUND && source.cause[0] != '\0' && source.remedy[0] != '\0' && source.path[0] == '\0');
  CHECK_OK(penstock_result_source(result, 1, &source, &error), error);
  CHECK(source.code == PENSTOCK_OK && source.crc32c == Crc32c(bytes, kLength));
  CHECK_ERROR(penstock_result_source(result, 2, &source, &error), error, PENSTOCK_OUT_OF_RANGE, "source 2");
  source.size = 8;
  CHECK_ERROR(penstock_result_source(result, 0, &source, &error), error, PENSTOCK_INVALID_ARGUMENT, "8 bytes");
  penstock_result_free(result);

  result = NULL;
  CHECK_ERROR(penstock_ingest(device, &input, 1, PENSTOCK_CRC32C, NULL, &result, &error), error, PENSTOCK_FAILED_PRECONDITION,
              "used already");
  CHECK(result == NULL);
  penstock_device_close(device);
  free(bytes);
}

void TestCancel(const char* input) {
  uint8_t* const bytes = WriteInput(input);
  penstock_error* error = NULL;
  penstock_device* device = NULL;
  penstock_result* result = NULL;
  CHECK_OK(penstock_device_open("cpu", NULL, &device, &error), error);
  penstock_ingest_cancel(device);
  CHECK_ERROR(penstock_ingest(device, &input, 1, PENSTOCK_CRC32C, NULL, &result, &error), error, PENSTOCK_CANCELLED, "");
  CHECK(penstock_result_count(result) == 1);
  penstock_result_free(result);
  penstock_device_close(device);
  free(bytes);
}
