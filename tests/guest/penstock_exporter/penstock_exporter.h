/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR (Apache-2.0 WITH LLVM-exception) */
/*
 * What tests say to the module penstock_exporter, by ioctls on /dev/penstock_exporter: it exports parts of a PCI function's BARs
 * as dma-bufs, as a GPU's driver does with its memory, and does on demand what such a driver does only now and then.
 *
 * It drives the functions that are bound to it by driver_override.
 */
#ifndef PENSTOCK_EXPORTER_H
#define PENSTOCK_EXPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PENSTOCK_EXPORTER_DEVICE "/dev/penstock_exporter"
#define PENSTOCK_EXPORTER_MAX_PIECES 128

struct penstock_exporter_piece {
	__u32 bar;
	__u32 reserved;
	__u64 offset; /* in bytes, whole pages; it must lie in the BAR */
	__u64 length;
};

/* How a buffer behaves from now on; what is mapped already stays as it is. */
#define PENSTOCK_EXPORTER_SYSTEM_MEMORY 1u /* maps pages of the system's memory, whatever the pieces say */
#define PENSTOCK_EXPORTER_BUS_ADDRESSES 2u /* maps bus addresses, instead of what dma_map_resource says */
#define PENSTOCK_EXPORTER_REFUSE_PEERS 4u /* an importer that attaches is told that it will not get the memory itself */
#define PENSTOCK_EXPORTER_FAIL_PIN 8u /* with `error` */
#define PENSTOCK_EXPORTER_FAIL_MAP 16u /* with `error` */
#define PENSTOCK_EXPORTER_MOVE_AT_ONCE 32u /* whoever has just mapped it is told that the memory goes elsewhere */

/* EINVAL: a piece that is none; ENODEV: the function is not bound to this driver. */
struct penstock_exporter_create {
	__u32 domain;
	__u32 address; /* bus << 8 | device << 3 | function */
	__u32 flags;
	__u32 error; /* an errno, positive */
	__u32 buffer; /* out: its number, never used again */
	__s32 dma_buf; /* out: its first descriptor */
	__u32 piece_count;
	__u32 reserved;
	struct penstock_exporter_piece piece[PENSTOCK_EXPORTER_MAX_PIECES]; /* in the order of the buffer; they may overlap */
};

/* ENOENT: there is no such buffer any more. */
struct penstock_exporter_behave {
	__u32 buffer;
	__u32 flags;
	__u32 error;
	__u32 reserved;
};

/*
 * Tells the importers that the memory goes elsewhere, and waits until none of them has it mapped. What they get if they map it
 * again is for PENSTOCK_EXPORTER_BEHAVE to say, before. ENOENT; ETIMEDOUT: it is mapped still.
 */
struct penstock_exporter_move {
	__u32 buffer;
	__u32 timeout_ms;
};

/* Of one buffer, or of all that there are (buffer 0). ENOENT. */
struct penstock_exporter_count {
	__u32 buffer;
	__u32 buffers; /* out, as what follows */
	__u32 attachments;
	__u32 pins;
	__u32 maps;
	__u32 maps_ever;
};

#define PENSTOCK_EXPORTER_MAGIC 0xB8
#define PENSTOCK_EXPORTER_CREATE _IOWR(PENSTOCK_EXPORTER_MAGIC, 0, struct penstock_exporter_create)
#define PENSTOCK_EXPORTER_BEHAVE _IOW(PENSTOCK_EXPORTER_MAGIC, 1, struct penstock_exporter_behave)
#define PENSTOCK_EXPORTER_MOVE _IOW(PENSTOCK_EXPORTER_MAGIC, 2, struct penstock_exporter_move)
#define PENSTOCK_EXPORTER_COUNT _IOWR(PENSTOCK_EXPORTER_MAGIC, 3, struct penstock_exporter_count)

#endif
