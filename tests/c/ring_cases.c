// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <string.h>

#include "tests/c/c_test.h"

enum { kAtomicAdd = 2, kCrc32cOpcode = 0x100, kNormal = 2, kTimeoutMs = 20000 };

static penstock_device* Open(uint32_t ring_slots) {
  const penstock_device_options options = {sizeof(options), 1, ring_slots, 0, 0};
  penstock_error* error = NULL;
  penstock_device* device = NULL;
  CHECK_OK(penstock_device_open("cpu", &options, &device, &error), error);
  return device;
}

static penstock_slot SlotOf(uint32_t opcode, uint32_t argument0, uint32_t argument1) {
  const penstock_slot slot = {{0, opcode, 0, kNormal, argument0, argument1}};
  return slot;
}

static penstock_slot RunSlot(penstock_device* device, penstock_slot slot) {
  penstock_error* error = NULL;
  penstock_ticket ticket;
  CHECK_OK(penstock_ring_publish(device, &slot, &ticket, &error), error);
  CHECK_OK(penstock_ring_reap(device, &ticket, kTimeoutMs, &slot, &error), error);
  return slot;
}

void TestRing(const char* input) {
  static uint8_t bytes[10000];
  (void)input;
  for (size_t i = 0; i < sizeof(bytes); ++i) bytes[i] = (uint8_t)(i * i >> 3);
  penstock_error* error = NULL;
  penstock_device* const device = Open(0);
  uint32_t handle = 0;
  CHECK(strcmp(penstock_device_name(device), "cpu") == 0);
  CHECK_OK(penstock_device_register(device, bytes, sizeof(bytes), 0, &handle, &error), error);
  CHECK_OK(penstock_device_start(device, &error), error);
  CHECK_ERROR(penstock_device_register(device, bytes, sizeof(bytes), 0, &handle, &error), error, PENSTOCK_FAILED_PRECONDITION,
              "");

  // A word of the device's window: 0 + 7, and then 7 + 7.
  penstock_slot slot = RunSlot(device, SlotOf(kAtomicAdd, 3, 7));
  CHECK(slot.word[0] == PENSTOCK_SLOT_DONE && slot.word[14] == 0 && slot.word[15] == 0);
  slot = RunSlot(device, SlotOf(kAtomicAdd, 3, 7));
  CHECK(slot.word[0] == PENSTOCK_SLOT_DONE && slot.word[14] == 7);

  // The caller's memory: a range is a handle, an offset of two words, and a length.
  slot = SlotOf(kCrc32cOpcode, handle, 100);
  slot.word[7] = 9000;
  slot = RunSlot(device, slot);
  CHECK(slot.word[0] == PENSTOCK_SLOT_DONE && slot.word[14] == Crc32c(bytes + 100, 9000));

  CHECK_OK(penstock_device_stop(device, kTimeoutMs, &error), error);
  CHECK_OK(penstock_device_start(device, &error), error);
  slot = RunSlot(device, SlotOf(kAtomicAdd, 3, 1));
  CHECK(slot.word[14] == 14);
  penstock_device_close(device);  // which stops it
}

void TestFullRing(const char* input) {
  (void)input;
  penstock_error* error = NULL;
  penstock_device* const device = Open(2);
  const penstock_slot slot = SlotOf(kAtomicAdd, 0, 1);
  penstock_slot ended;
  penstock_ticket tickets[3];
  CHECK_OK(penstock_ring_publish(device, &slot, &tickets[0], &error), error);
  CHECK_OK(penstock_ring_publish(device, &slot, &tickets[1], &error), error);
  CHECK_ERROR(penstock_ring_publish(device, &slot, &tickets[2], &error), error, PENSTOCK_RESOURCE_EXHAUSTED, "");
  CHECK_ERROR(penstock_ring_reap(device, &tickets[0], 0, &ended, &error), error, PENSTOCK_DEADLINE_EXCEEDED, "in flight");
  CHECK_OK(penstock_device_start(device, &error), error);
  CHECK_OK(penstock_ring_reap(device, &tickets[0], kTimeoutMs, &ended, &error), error);
  CHECK_OK(penstock_ring_publish(device, &slot, &tickets[2], &error), error);
  CHECK_OK(penstock_ring_reap(device, &tickets[2], kTimeoutMs, &ended, &error), error);
  CHECK_OK(penstock_ring_reap(device, &tickets[1], kTimeoutMs, &ended, &error), error);
  penstock_device_close(device);
}

void TestFaults(const char* input) {
  (void)input;
  penstock_error* error = NULL;
  penstock_device* const device = Open(0);
  CHECK_OK(penstock_device_start(device, &error), error);
  // An opcode that no handler has, and a handle that names no buffer: the numbers of docs/protocol.md.
  penstock_slot slot = RunSlot(device, SlotOf(0x12345, 0, 0));
  CHECK(slot.word[0] == PENSTOCK_SLOT_FAULT && slot.word[15] == 1 && slot.word[14] == 0x12345);
  slot = SlotOf(kCrc32cOpcode, 77, 0);
  slot.word[7] = 16;
  slot = RunSlot(device, slot);
  CHECK(slot.word[0] == PENSTOCK_SLOT_FAULT && slot.word[15] == 5 && slot.word[14] == 77);
  penstock_device_close(device);
}

void TestTickets(const char* input) {
  (void)input;
  penstock_error* error = NULL;
  penstock_device* const device = Open(0);
  penstock_slot slot = SlotOf(kAtomicAdd, 0, 1);
  penstock_ticket ticket = {kNormal, 0};
  CHECK_ERROR(penstock_ring_reap(device, &ticket, 0, &slot, &error), error, PENSTOCK_INVALID_ARGUMENT, "not published");
  ticket.priority = 5;
  CHECK_ERROR(penstock_ring_reap(device, &ticket, 0, &slot, &error), error, PENSTOCK_INVALID_ARGUMENT, "priority 5");
  slot.word[3] = 5;
  CHECK_ERROR(penstock_ring_publish(device, &slot, &ticket, &error), error, PENSTOCK_INVALID_ARGUMENT, "priority 5");
  CHECK_OK(penstock_device_start(device, &error), error);
  slot = SlotOf(kAtomicAdd, 0, 1);
  CHECK_OK(penstock_ring_publish(device, &slot, &ticket, &error), error);
  CHECK_OK(penstock_ring_reap(device, &ticket, kTimeoutMs, &slot, &error), error);
  CHECK_ERROR(penstock_ring_reap(device, &ticket, 0, &slot, &error), error, PENSTOCK_INVALID_ARGUMENT, "has been reaped");
  penstock_device_close(device);
}
