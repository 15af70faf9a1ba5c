/* SPDX-License-Identifier: GPL-2.0-only */
/* One exported buffer. */
#ifndef PENSTOCK_EXPORTER_BUFFER_H
#define PENSTOCK_EXPORTER_BUFFER_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/wait.h>

#include "penstock_exporter.h"

struct buffer {
	struct list_head node;
	u32 number;
	struct pci_dev *pdev; /* a reference */
	bool gone; /* the function has lost its driver */
	struct dma_buf *dma_buf; /* no reference: it owns this */
	u32 flags;
	int error; /* negative */
	struct page **pages; /* of the system's memory, from when it is wanted */
	unsigned long page_count;
	wait_queue_head_t unmapped;
	atomic_t attachments;
	atomic_t pins;
	atomic_t maps;
	atomic_t maps_ever;
	unsigned int piece_count;
	struct penstock_exporter_piece piece[];
};

/* A buffer on no list yet. EINVAL: a piece that is none. */
struct buffer *buffer_export(struct pci_dev *pdev, const struct penstock_exporter_create *create);

/* What buffer_export wants to be told of: the last user has gone, and the buffer is about to be freed. */
void buffer_goes(struct buffer *buffer);

/* Needs a reference to the buffer's file. The reservation of the dma-buf is taken. */
void buffer_behave(struct buffer *buffer, u32 flags, u32 error);
int buffer_move(struct buffer *buffer, u32 timeout_ms);
void buffer_lose_function(struct buffer *buffer);

#endif
