// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sizes, places and numbers that programs have compiled in. A line here never changes; a field that is added gets one.
#include <stddef.h>

#include "penstock/penstock.h"

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
#define PLACE(type, field, bytes) _Static_assert(offsetof(type, field) == (bytes), #type "." #field)
#define NUMBER(name, value) _Static_assert((name) == (value), #name)

_Static_assert(sizeof(void*) == 8, "the numbers here are for pointers of 8 bytes");

SIZE(penstock_device_options, 24);
PLACE(penstock_device_options, size, 0);
PLACE(penstock_device_options, workgroups, 8);
PLACE(penstock_device_options, ring_slots, 12);
PLACE(penstock_device_options, slot_limit_ms, 16);
PLACE(penstock_device_options, reserved, 20);

SIZE(penstock_slot, 64);
SIZE(penstock_ticket, 8);
PLACE(penstock_ticket, priority, 0);
PLACE(penstock_ticket, sequence, 4);

SIZE(penstock_pattern, 16);
PLACE(penstock_pattern, bytes, 0);
PLACE(penstock_pattern, length, 8);

SIZE(penstock_ingest_options, 56);
PLACE(penstock_ingest_options, size, 0);
PLACE(penstock_ingest_options, path, 8);
PLACE(penstock_ingest_options, patterns, 16);
PLACE(penstock_ingest_options, pattern_count, 24);
PLACE(penstock_ingest_options, offset_bytes, 32);
PLACE(penstock_ingest_options, length_bytes, 40);
PLACE(penstock_ingest_options, chunk_bytes, 48);
PLACE(penstock_ingest_options, depth, 52);

SIZE(penstock_source_result, 80);
PLACE(penstock_source_result, size, 0);
PLACE(penstock_source_result, code, 8);
PLACE(penstock_source_result, crc32c, 12);
PLACE(penstock_source_result, bytes, 16);
PLACE(penstock_source_result, matches, 24);
PLACE(penstock_source_result, first_difference, 32);
PLACE(penstock_source_result, name, 40);
PLACE(penstock_source_result, path, 48);
PLACE(penstock_source_result, cause, 56);
PLACE(penstock_source_result, remedy, 64);
PLACE(penstock_source_result, histogram, 72);

NUMBER(PENSTOCK_OK, 0);
NUMBER(PENSTOCK_CANCELLED, 1);
NUMBER(PENSTOCK_INVALID_ARGUMENT, 3);
NUMBER(PENSTOCK_DEADLINE_EXCEEDED, 4);
NUMBER(PENSTOCK_NOT_FOUND, 5);
NUMBER(PENSTOCK_PERMISSION_DENIED, 7);
NUMBER(PENSTOCK_RESOURCE_EXHAUSTED, 8);
NUMBER(PENSTOCK_FAILED_PRECONDITION, 9);
NUMBER(PENSTOCK_OUT_OF_RANGE, 11);
NUMBER(PENSTOCK_UNIMPLEMENTED, 12);
NUMBER(PENSTOCK_INTERNAL, 13);
NUMBER(PENSTOCK_UNAVAILABLE, 14);
NUMBER(PENSTOCK_DATA_LOSS, 15);

NUMBER(PENSTOCK_SLOT_DONE, 3);
NUMBER(PENSTOCK_SLOT_FAULT, 7);

NUMBER(PENSTOCK_CRC32C, 0);
NUMBER(PENSTOCK_HISTOGRAM, 1);
NUMBER(PENSTOCK_MATCH, 2);
NUMBER(PENSTOCK_VERIFY, 3);
NUMBER(PENSTOCK_NONE, 4);
