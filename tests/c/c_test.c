// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C interface, called from C. Usage: c_test CASE FILE, where FILE may be written.
#include "tests/c/c_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

void CheckAt(int holds, const char* condition, const char* file, int line) {
  if (holds) return;
  fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
  exit(1);
}

void CheckErrorAt(int result, penstock_error** error, int code, const char* part, const char* file, int line) {
  const char* const cause = penstock_error_cause(*error);
  const char* const remedy = penstock_error_remedy(*error);
  int as_expected = result == code && penstock_error_code(*error) == code;
  if (code != PENSTOCK_OK) as_expected = as_expected && strstr(cause, part) != NULL && remedy[0] != '\0';
  if (!as_expected) {
    fprintf(stderr, "%s:%d: %d, not %d; cause '%s', remedy '%s'\n", file, line, result, code, cause, remedy);
    exit(1);
  }
  penstock_error_free(*error);
  *error = NULL;
}

void WriteFile(const char* name, const void* bytes, size_t length) {
  FILE* const file = fopen(name, "wb");
  CHECK(file != NULL);
  CHECK(fwrite(bytes, 1, length, file) == length);
  CHECK(fclose(file) == 0);
}

uint32_t Crc32c(const uint8_t* bytes, size_t length) {
  uint32_t crc = 0xFFFFFFFFu;
  for (size_t i = 0; i < length; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
  }
  return crc ^ 0xFFFFFFFFu;
}

static void TestVersion(const char* input) {
  (void)input;
  int major = -1, minor = -1, patch = -1;
  CHECK(sscanf(penstock_version(), "%d.%d.%d", &major, &minor, &patch) == 3);
  CHECK(major >= 0 && minor >= 0 && patch >= 0);
}

static void TestErrors(const char* input) {
  (void)input;
  penstock_error* error = NULL;
  penstock_device* device = NULL;
  penstock_volume* volume = NULL;
  CHECK_ERROR(penstock_device_open("gpu", NULL, &device, &error), error, PENSTOCK_INVALID_ARGUMENT, "'gpu'");
  CHECK_ERROR(penstock_device_open("hip:-1", NULL, &device, &error), error, PENSTOCK_INVALID_ARGUMENT, "'hip:-1'");
  CHECK_ERROR(penstock_device_open(NULL, NULL, &device, &error), error, PENSTOCK_INVALID_ARGUMENT, "name is null");
  CHECK_ERROR(penstock_device_open("cpu", NULL, NULL, &error), error, PENSTOCK_INVALID_ARGUMENT, "device is null");
  CHECK(penstock_device_open("hip:1000", NULL, &device, &error) != PENSTOCK_OK && device == NULL);
  CHECK(penstock_error_remedy(error)[0] != '\0');
  penstock_error_free(error);
  error = NULL;
  CHECK_ERROR(penstock_device_start(NULL, &error), error, PENSTOCK_INVALID_ARGUMENT, "device is null");
  CHECK_ERROR(penstock_volume_open(NULL, &volume, &error), error, PENSTOCK_INVALID_ARGUMENT, "name is null");

  // Nobody has to want the error, nor to have a handle.
  CHECK(penstock_volume_open("/no/such/file", &volume, NULL) == PENSTOCK_NOT_FOUND);
  CHECK(penstock_error_code(NULL) == PENSTOCK_OK && penstock_error_errno(NULL) == 0);
  CHECK(strcmp(penstock_error_cause(NULL), "") == 0 && strcmp(penstock_error_remedy(NULL), "") == 0);
  penstock_error_free(NULL);
  penstock_device_close(NULL);
  penstock_volume_close(NULL);
  penstock_result_free(NULL);
  penstock_text_free(NULL);
  penstock_ingest_cancel(NULL);
}

/// A program that was compiled with a later version's struct.
struct later_options {
  penstock_device_options known;
  uint64_t added;
};

static void TestGrowth(const char* input) {
  (void)input;
  penstock_error* error = NULL;
  penstock_device* device = NULL;
  struct later_options later = {{sizeof(later), 1, 4, 0, 0}, 0};
  CHECK_OK(penstock_device_open("cpu", &later.known, &device, &error), error);
  penstock_device_close(device);
  device = NULL;
  later.added = 1;
  CHECK_ERROR(penstock_device_open("cpu", &later.known, &device, &error), error, PENSTOCK_INVALID_ARGUMENT, "a field set");
  later.added = 0;
  later.known.size = sizeof(size_t);
  CHECK_ERROR(penstock_device_open("cpu", &later.known, &device, &error), error, PENSTOCK_INVALID_ARGUMENT, "8 bytes");
  CHECK(device == NULL);
}

/// What cannot be had is an error like any other, and no exception.
static void TestLimits(const char* input) {
  penstock_error* error = NULL;
  penstock_device* device = NULL;
  penstock_result* result = NULL;
  uint32_t handle = 0;
  penstock_device_options device_options = {.size = sizeof(device_options), .reserved = 7};
  CHECK_ERROR(penstock_device_open("cpu", &device_options, &device, &error), error, PENSTOCK_INVALID_ARGUMENT, "field reserved");
  CHECK_OK(penstock_device_open("cpu", NULL, &device, &error), error);
  CHECK_ERROR(penstock_device_register(device, &handle, UINT64_MAX, 0, &handle, &error), error, PENSTOCK_INVALID_ARGUMENT,
              "past the last address");
  const penstock_pattern pattern = {"x", SIZE_MAX};
  const penstock_ingest_options options = {.size = sizeof(options), .patterns = &pattern, .pattern_count = 1};
  CHECK_ERROR(penstock_ingest(device, &input, 1, PENSTOCK_MATCH, &options, &result, &error), error, PENSTOCK_INVALID_ARGUMENT,
              "pattern 0 has");
  penstock_device_close(device);
}

/// The rings alone are 320 MiB.
static void TestMemory(const char* input) {
  (void)input;
  penstock_error* error = NULL;
  penstock_device* device = NULL;
  const penstock_device_options options = {.size = sizeof(options), .ring_slots = 1u << 20};
  const struct rlimit limit = {256u << 20, 256u << 20};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  CHECK_ERROR(penstock_device_open("cpu", &options, &device, &error), error, PENSTOCK_RESOURCE_EXHAUSTED, "not enough memory");
  CHECK(device == NULL);
}

static void TestVolume(const char* input) {
  penstock_error* error = NULL;
  penstock_volume* volume = NULL;
  WriteFile(input, "twelve bytes", 12);
  CHECK_OK(penstock_volume_open(input, &volume, &error), error);
  CHECK(penstock_volume_size_bytes(volume) == 12);
  CHECK(penstock_volume_block_bytes(volume) == 1);
  penstock_volume_close(volume);
  CHECK(penstock_volume_open("/no/such/file", &volume, &error) == PENSTOCK_NOT_FOUND);
  CHECK(penstock_error_errno(error) == 2);  // ENOENT
  penstock_error_free(error);
}

static void TestProbe(const char* input) {
  penstock_error* error = NULL;
  char* json = NULL;
  WriteFile(input, "twelve bytes", 12);
  CHECK_OK(penstock_probe(&input, 1, &json, &error), error);
  CHECK(json[0] == '{' && strstr(json, "\"io_uring\"") != NULL);
  CHECK(strstr(json, input) != NULL && strstr(json, "\"size_bytes\": 12") != NULL);
  penstock_text_free(json);
  CHECK_ERROR(penstock_probe(NULL, 1, &json, &error), error, PENSTOCK_INVALID_ARGUMENT, "names is null");
}

static const struct {
  const char* name;
  void (*run)(const char* input);
} kCases[] = {
    {"version", TestVersion},    {"errors", TestErrors},
    {"growth", TestGrowth},      {"ring", TestRing},
    {"full_ring", TestFullRing}, {"faults", TestFaults},
    {"tickets", TestTickets},    {"volume", TestVolume},
    {"ingest", TestIngest},      {"ingest_errors", TestIngestErrors},
    {"cancel", TestCancel},      {"probe", TestProbe},
    {"limits", TestLimits},      {"memory", TestMemory},
};

int main(int argc, char** argv) {
  for (size_t i = 0; argc == 3 && i < sizeof(kCases) / sizeof(kCases[0]); ++i) {
    if (strcmp(argv[1], kCases[i].name) != 0) continue;
    kCases[i].run(argv[2]);
    return 0;
  }
  fprintf(stderr, "usage: c_test CASE FILE\n");
  return 2;
}
