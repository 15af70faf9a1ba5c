/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR (Apache-2.0 WITH LLVM-exception) */
/*
 * What programs say to the module penstock_p2p, by ioctls on /dev/penstock_p2p.
 *
 * A window is a buffer in the memory of a PCI function, exported as a dma-buf, that the module keeps pinned and whose part of the
 * function's BAR it has given struct pages: mapped by a program, the window can be the destination of direct I/O.
 *
 * Errors that every call has: EACCES and EPERM on opening the device (neither root nor a member of its group), EFAULT (an
 * argument that is not mapped), ENOTTY (a call that this module does not know), EINVAL (flags or reserved words that are not 0).
 */
#ifndef PENSTOCK_P2P_H
#define PENSTOCK_P2P_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PENSTOCK_P2P_DEVICE "/dev/penstock_p2p"
#define PENSTOCK_P2P_VERSION 1
#define PENSTOCK_P2P_MAX_PIECES 64

/* A PCI function: domain, and bus << 8 | device << 3 | function. */
struct penstock_p2p_function {
	__u32 domain;
	__u32 address;
};

/* A part of one BAR. Offset and length in bytes. */
struct penstock_p2p_piece {
	__u32 bar;
	__u32 reserved;
	__u64 offset;
	__u64 length;
};

/*
 * Makes a window of a dma-buf. The window lives until it is released, its function loses its driver, or the exporter takes the
 * memory back; neither the descriptor nor the process is needed for that.
 *
 * EBADF           the descriptor is not open, or no dma-buf
 * ENODEV          there is no such PCI function
 * EPERM           a virtual function: its BAR is a part of another function's
 * EUNATCH         the function has no driver, so nobody exports its memory
 * EOPNOTSUPP      the kernel has no P2PDMA (CONFIG_PCI_P2PDMA)
 * EEXIST          the function has a window already
 * EADDRINUSE      the function's memory was registered for peers by somebody else
 * ECONNREFUSED    the exporter does not let peers reach the buffer where it lies, or cannot pin it; the kernel log has its errno
 * EXDEV           the buffer lies outside the function's BARs: in system memory, for one
 * EFBIG           the buffer is larger than any BAR of the function (no large BAR)
 * ERANGE          a piece does not begin or end where the kernel can begin or end a range of pages (2 MiB on x86)
 * E2BIG           more than PENSTOCK_P2P_MAX_PIECES pieces
 * EADDRNOTAVAIL   it overlaps the place of an earlier window, which stays registered until the function's driver is unbound
 * ESTALE          the exporter took the buffer back meanwhile
 * ENOMEM          no room for its struct pages: 64 bytes for each page of 4 KiB
 */
struct penstock_p2p_reserve {
	__s32 dma_buf;
	__u32 flags; /* 0 */
	struct penstock_p2p_function function;
	__u32 window; /* out: its number, never used again */
	__u32 reserved;
};

enum penstock_p2p_state {
	PENSTOCK_P2P_PINNED = 1,
	PENSTOCK_P2P_REVOKED = 2, /* the exporter took the memory back: the mappings are gone, and release is all that is left */
};

/* The window of the lowest number that is not less than `window`. ENOENT: there is none. */
struct penstock_p2p_query {
	__u32 window; /* in and out */
	__u32 state; /* enum penstock_p2p_state */
	struct penstock_p2p_function function;
	__u64 length;
	__u64 mmap_offset; /* what to give mmap for the window's first byte; MAP_SHARED, whole pages */
	__u32 mapping_count; /* of the first byte */
	__u32 piece_count;
	struct penstock_p2p_piece piece[PENSTOCK_P2P_MAX_PIECES]; /* in the order of the buffer */
};

/* A new descriptor of the window's dma-buf. ENOENT; ESTALE: it is revoked. */
struct penstock_p2p_export {
	__u32 window;
	__s32 dma_buf; /* out */
};

/*
 * Ends a window, waits until the I/O into it has ended, unpins it and forgets it. Its place in the BAR stays registered, and
 * unused, until the function's driver is unbound. ENOENT; EBUSY: it is mapped; EINTR: a signal came, and it ends by itself.
 */
struct penstock_p2p_release {
	__u32 window;
	__u32 reserved;
};

#define PENSTOCK_P2P_MAGIC 0xB7
#define PENSTOCK_P2P_GET_VERSION _IOR(PENSTOCK_P2P_MAGIC, 0, __u32)
#define PENSTOCK_P2P_RESERVE _IOWR(PENSTOCK_P2P_MAGIC, 1, struct penstock_p2p_reserve)
#define PENSTOCK_P2P_QUERY _IOWR(PENSTOCK_P2P_MAGIC, 2, struct penstock_p2p_query)
#define PENSTOCK_P2P_EXPORT _IOWR(PENSTOCK_P2P_MAGIC, 3, struct penstock_p2p_export)
#define PENSTOCK_P2P_RELEASE _IOW(PENSTOCK_P2P_MAGIC, 4, struct penstock_p2p_release)

#endif
