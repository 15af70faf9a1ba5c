/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels 6.2 and 7.3. */
#ifndef PENSTOCK_P2P_COMPAT_H
#define PENSTOCK_P2P_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#error "penstock_p2p needs Linux 6.2: programs cannot use peer-to-peer memory before it"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define PENSTOCK_IMPORT_NS(name) MODULE_IMPORT_NS(#name)
#else
#define PENSTOCK_IMPORT_NS(name) MODULE_IMPORT_NS(name)
#endif

/* The callback by which an exporter takes its memory back; named so in struct dma_buf_attach_ops since 7.1. */
#ifndef PENSTOCK_HAS_INVALIDATE_MAPPINGS
#define invalidate_mappings move_notify
#endif

#ifndef PENSTOCK_HAS_PAGE_PGMAP
static inline struct dev_pagemap *page_pgmap(const struct page *page)
{
	return page->pgmap;
}
#endif

#ifndef PENSTOCK_HAS_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}
#endif

#ifndef PENSTOCK_HAS_SG_DMA_IS_BUS_ADDRESS
#define sg_dma_is_bus_address sg_is_dma_bus_address
#endif

#endif
