// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Penstock for C, and for every language that can call C: the small core that stays as it is.
//
// Handles are opaque. A function that can fail returns a penstock_code, PENSTOCK_OK or why not, and writes an error, which says
// what failed and what to do about it, where `error` points; `error` may be null. What it returns through pointers is written
// only if it succeeds. Strings are UTF-8 as far as the system's names are, end with a zero byte, and belong to what they were
// asked of.
//
// Structs begin with their size, which the caller sets to sizeof: a later version adds fields behind, and takes an older struct
// with defaults for them. A field that is 0 has its default.
//
// Threads: functions on different handles may be called at once; of one device, ring or result, one at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PENSTOCK_C_API __attribute__((visibility("default")))
#else
#define PENSTOCK_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// What the caller does next. More may be added.
typedef enum penstock_code {
  PENSTOCK_OK = 0,
  PENSTOCK_CANCELLED = 1,
  PENSTOCK_INVALID_ARGUMENT = 3,   // fix the call
  PENSTOCK_DEADLINE_EXCEEDED = 4,  // it may have happened or not: the text says
  PENSTOCK_NOT_FOUND = 5,
  PENSTOCK_PERMISSION_DENIED = 7,
  PENSTOCK_RESOURCE_EXHAUSTED = 8,   // reap, or free something, and try again
  PENSTOCK_FAILED_PRECONDITION = 9,  // change the state first
  PENSTOCK_OUT_OF_RANGE = 11,        // shorten
  PENSTOCK_UNIMPLEMENTED = 12,       // use the alternative that the remedy names
  PENSTOCK_INTERNAL = 13,            // a mistake of ours
  PENSTOCK_UNAVAILABLE = 14,         // try again, a limited number of times
  PENSTOCK_DATA_LOSS = 15            // stop
} penstock_code;

/// What failed, and what to do about it; null where nothing did.
typedef struct penstock_error penstock_error;
/// What runs the kernel.
typedef struct penstock_device penstock_device;
/// A file, block device or NVMe namespace that is open.
typedef struct penstock_volume penstock_volume;
/// What a run made of its sources.
typedef struct penstock_result penstock_result;

/// The version of the library, "0.1.0". Threads: any.
PENSTOCK_C_API const char* penstock_version(void);

/// One of penstock_code; PENSTOCK_OK if `error` is null. Threads: any.
PENSTOCK_C_API int penstock_error_code(const penstock_error* error);
/// What failed, on which object; one sentence without a full stop. Empty if `error` is null. Threads: any.
PENSTOCK_C_API const char* penstock_error_cause(const penstock_error* error);
/// What to do about it; one imperative sentence without a full stop. Empty if `error` is null, or if nothing is known. Threads:
/// any.
PENSTOCK_C_API const char* penstock_error_remedy(const penstock_error* error);
/// The errno of the system call that failed; 0 if none did. Threads: any.
PENSTOCK_C_API int penstock_error_errno(const penstock_error* error);
/// Frees it; null is allowed.
PENSTOCK_C_API void penstock_error_free(penstock_error* error);

/// What a device is opened with; null for the defaults.
typedef struct penstock_device_options {
  size_t size;             // sizeof(penstock_device_options)
  uint32_t workgroups;     // default: what the device has room for, and one less than there are processors on the CPU
  uint32_t ring_slots;     // of each of the five priorities; a power of two, at most 2^20; default 256
  uint32_t slot_limit_ms;  // how long a slot that waits may wait; default 30000
  uint32_t reserved;       // must be 0
} penstock_device_options;

/// Opens a device: "cpu" (threads run the kernel's one source), "hip" or "hip:N" (a GPU), or "auto" (the first GPU, and the CPU
/// if it cannot be used). Nothing runs yet. Errors: INVALID_ARGUMENT; FAILED_PRECONDITION (no GPU, no driver); UNIMPLEMENTED
/// (built without HIP); RESOURCE_EXHAUSTED. Threads: any.
PENSTOCK_C_API int penstock_device_open(const char* name, const penstock_device_options* options, penstock_device** device,
                                        penstock_error** error);
/// "cpu", or the GPU's name. Threads: any.
PENSTOCK_C_API const char* penstock_device_name(const penstock_device* device);
/// Makes memory of the caller's reachable for slots, under the handle that is written; at most 64 pieces. It is borrowed until
/// the device is closed, and for good if a penstock_device_stop has ended as DEADLINE_EXCEEDED: it must never be freed then.
/// `writable` is 0 for memory that slots may only read. Requires: not started. Errors: FAILED_PRECONDITION (started);
/// RESOURCE_EXHAUSTED; INVALID_ARGUMENT.
PENSTOCK_C_API int penstock_device_register(penstock_device* device, void* memory, uint64_t bytes, int writable, uint32_t* handle,
                                            penstock_error** error);
/// Launches the kernel, which stays. Errors: FAILED_PRECONDITION (started already); UNAVAILABLE.
PENSTOCK_C_API int penstock_device_start(penstock_device* device, penstock_error** error);
/// Lets the kernel end, after the slots in hand. Errors: DEADLINE_EXCEEDED, naming what hangs: the device is of no more use, and
/// a slot may go on using the memory that was registered, also after penstock_device_close.
PENSTOCK_C_API int penstock_device_stop(penstock_device* device, uint32_t timeout_ms, penstock_error** error);
/// Stops the device if it runs, waiting 10 s at most, and frees it; null is allowed. Who has registered memory stops it first, to
/// know whether that may be freed.
PENSTOCK_C_API void penstock_device_close(penstock_device* device);

/// A slot of the ring: words 0 status, 1 opcode, 2 tenant, 3 priority (0 highest to 4; 2 is the usual one), 4 to 15 arguments;
/// at its end, 14 and 15 hold the result, low word first, or after a fault its detail and its reason. docs/protocol.md has all.
typedef struct penstock_slot {
  uint32_t word[16];  // as above
} penstock_slot;

enum { PENSTOCK_SLOT_DONE = 3, PENSTOCK_SLOT_FAULT = 7 };  // word 0 of a slot that was reaped

/// Names a slot that was published, until it is reaped.
typedef struct penstock_ticket {
  uint32_t priority;  // 0 highest to 4
  uint32_t sequence;  // within its priority, modulo 2^32
} penstock_ticket;

/// Publishes a slot, whose word 0 is ignored; the kernel may run it before this returns. Never blocks, makes no system call.
/// Errors: RESOURCE_EXHAUSTED when the ring is full: reap, and try again; INVALID_ARGUMENT (opcode, priority).
PENSTOCK_C_API int penstock_ring_publish(penstock_device* device, const penstock_slot* slot, penstock_ticket* ticket,
                                         penstock_error** error);
/// Waits for a slot to end, for at most `timeout_ms` (0: never blocks), and takes its outcome: word 0 is PENSTOCK_SLOT_DONE or
/// PENSTOCK_SLOT_FAULT, 14 and 15 are the result; the others are 0. A fault is no error here, nor is a device that is lost: its
/// slots end as faults of reason 16, at the latest when `timeout_ms` are over. Errors: DEADLINE_EXCEEDED: still in flight; it can
/// be asked for again. INVALID_ARGUMENT: not of this device, or reaped already.
PENSTOCK_C_API int penstock_ring_reap(penstock_device* device, const penstock_ticket* ticket, uint32_t timeout_ms,
                                      penstock_slot* slot, penstock_error** error);

/// Opens a file, block device or NVMe namespace to look at it, read-only. Errors: NOT_FOUND; PERMISSION_DENIED; INVALID_ARGUMENT;
/// FAILED_PRECONDITION; UNAVAILABLE. Threads: any.
PENSTOCK_C_API int penstock_volume_open(const char* name, penstock_volume** volume, penstock_error** error);
/// Its size in bytes when it was opened. Threads: any.
PENSTOCK_C_API uint64_t penstock_volume_size_bytes(const penstock_volume* volume);
/// Extents begin and end at multiples of this: the logical block of a device in bytes, 1 for a file. Threads: any.
PENSTOCK_C_API uint32_t penstock_volume_block_bytes(const penstock_volume* volume);
/// Frees it; null is allowed.
PENSTOCK_C_API void penstock_volume_close(penstock_volume* volume);

/// What is done to the bytes.
typedef enum penstock_operation {
  PENSTOCK_CRC32C = 0,
  PENSTOCK_HISTOGRAM = 1,
  PENSTOCK_MATCH = 2,   // counts matches of the patterns
  PENSTOCK_VERIFY = 3,  // finds the first difference from the one pattern, repeated
  PENSTOCK_NONE = 4     // reads, and that is all
} penstock_operation;

/// Bytes to look for, or to compare with.
typedef struct penstock_pattern {
  const void* bytes;  // any, zero bytes too
  size_t length;      // at least 1
} penstock_pattern;

/// How to ingest; null for the defaults.
typedef struct penstock_ingest_options {
  size_t size;                       // sizeof(penstock_ingest_options)
  const char* path;                  // "bar", "nvme", "read" or "pread"; null: the first that works
  const penstock_pattern* patterns;  // of PENSTOCK_MATCH and PENSTOCK_VERIFY
  size_t pattern_count;              // how many there are
  uint64_t offset_bytes;             // where to start on every source
  uint64_t length_bytes;             // how much of every source; 0: to its end
  uint32_t chunk_bytes;              // one read's worth, a multiple of 4096; default 1 MiB
  uint32_t depth;                    // reads in flight; default 32
} penstock_ingest_options;

/// What came out of one source. Only what belongs to the operation is set; the rest is 0.
typedef struct penstock_source_result {
  size_t size;                // sizeof(penstock_source_result), set by the caller
  int32_t code;               // PENSTOCK_OK only if every byte was consumed
  uint32_t crc32c;            // of the bytes, for PENSTOCK_CRC32C
  uint64_t bytes;             // consumed
  uint64_t matches;           // for PENSTOCK_MATCH
  uint64_t first_difference;  // offset from where reading began; UINT64_MAX: there is none
  const char* name;           // as it was given
  const char* path;           // which way the bytes came; empty if it could not be opened
  const char* cause;          // of `code`, and what to do about it; empty if all is well
  const char* remedy;         // what to do about it; empty if all is well
  const uint64_t* histogram;  // 256 counts, by byte value; null for other operations
} penstock_source_result;

/// Streams `source_count` files, block devices or NVMe namespaces, given by name, through the device, which is started and
/// stopped. Requires: the device is not started and has been used for nothing else, nor for an ingest that failed. Errors: of the
/// set-up (INVALID_ARGUMENT, FAILED_PRECONDITION, RESOURCE_EXHAUSTED), with nothing written. Once reading has begun, this is the
/// first error of any source, and there is a result, which says how far each source came. Threads: any; others may do what they
/// like but for the device.
PENSTOCK_C_API int penstock_ingest(penstock_device* device, const char* const* sources, size_t source_count, int operation,
                                   const penstock_ingest_options* options, penstock_result** result, penstock_error** error);
/// Ends the ingest that runs on the device as CANCELLED, or that begins on it later. Threads: any, and signal handlers.
PENSTOCK_C_API void penstock_ingest_cancel(penstock_device* device);
/// How many sources. Threads: any.
PENSTOCK_C_API size_t penstock_result_count(const penstock_result* result);
/// From the first read to the last result. Threads: any.
PENSTOCK_C_API double penstock_result_seconds(const penstock_result* result);
/// Writes what came out of source `index`; its pointers are good until the result is freed. Errors: OUT_OF_RANGE;
/// INVALID_ARGUMENT (size). Threads: any.
PENSTOCK_C_API int penstock_result_source(const penstock_result* result, size_t index, penstock_source_result* source,
                                          penstock_error** error);
/// Frees it; null is allowed.
PENSTOCK_C_API void penstock_result_free(penstock_result* result);

/// What this machine offers, and which paths work on volumes, by their names, or on all NVMe namespaces if `name_count` is 0: the
/// JSON of `penstock probe --json` (docs/paths.md). To be freed with penstock_text_free. Errors: INVALID_ARGUMENT. Threads: any.
PENSTOCK_C_API int penstock_probe(const char* const* names, size_t name_count, char** json, penstock_error** error);
/// Frees a text that was written for the caller; null is allowed.
PENSTOCK_C_API void penstock_text_free(char* text);

#ifdef __cplusplus
}  // extern "C"
#endif
