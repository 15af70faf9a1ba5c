/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels 6.2 and 7.3. */
#ifndef PENSTOCK_P2P_COMPAT_H
#define PENSTOCK_P2P_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>

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
#define page_pgmap(page) ((page)->pgmap)
#endif

/* What shmem_file_setup takes for no flags; of a type of its own in 7.3. */
#ifdef PENSTOCK_HAS_SHMEM_VMA_FLAGS
#define PENSTOCK_NO_FLAGS EMPTY_VMA_FLAGS
#else
#define PENSTOCK_NO_FLAGS 0
#endif

#endif
