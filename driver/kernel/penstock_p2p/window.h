/* SPDX-License-Identifier: GPL-2.0-only */
/* Windows: pinned dma-bufs whose place in a BAR has pages. */
#ifndef PENSTOCK_P2P_WINDOW_H
#define PENSTOCK_P2P_WINDOW_H

#include <linux/mm_types.h>
#include <linux/pci.h>

#include "penstock_p2p.h"

/* A window's bytes begin at its number << this in the offsets of mmap. */
#define WINDOW_MMAP_SHIFT 40

int windows_init(void);
void windows_exit(void);

/* Each is what the ioctl of that name does. Errors: penstock_p2p.h. */
int window_reserve(struct penstock_p2p_reserve *request);
int window_query(struct penstock_p2p_query *query);
int window_export(u32 number);
int window_release(u32 number);

/* Maps a window, or its first part, at once: a page that is missing later was taken away. Errors: ENOENT, ESTALE, EINVAL. */
int window_mmap(struct vm_area_struct *vma);

/* The function's driver is about to be unbound, with the device lock held: ends its window, once the I/O into it has ended. */
void window_driver_leaves(struct pci_dev *pdev);
/* It is unbound, and the kernel has taken the pages back. */
void window_driver_left(struct pci_dev *pdev);

/* Takes these offsets out of every process that has mapped them; in main.c. */
void unmap_everywhere(u64 offset, u64 length);

#endif
