/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of BARs that have struct pages. */
#ifndef PENSTOCK_P2P_PIECE_H
#define PENSTOCK_P2P_PIECE_H

#include <linux/list.h>
#include <linux/pci.h>

struct window;

/*
 * A PCI function whose memory this module has registered. It is kept, and with it this module, until the function's driver is
 * unbound: only then can the kernel take the pages back.
 */
struct provider {
	struct list_head node;
	struct pci_dev *pdev;
	struct list_head pieces;
	struct window *window; /* the one that it has, or NULL */
};

/*
 * A registered range of a BAR. One reference to each page is ours from the beginning to the end, so that no page comes free, and
 * so to somebody else, when the last mapping goes: what lies below may long belong to another buffer of the function's driver.
 */
struct piece {
	struct list_head node; /* of its provider; in the order in which they were registered */
	int bar;
	u64 offset;
	u64 length;
	struct page *pages;
	bool in_use;
};

static inline unsigned long piece_page_count(const struct piece *piece)
{
	return piece->length >> PAGE_SHIFT;
}

/* All of these with the function's device lock and the module's lock held. */

/* 0, or EADDRINUSE: somebody else has registered memory of a function that is no provider. */
int provider_check(struct pci_dev *pdev);
/* The provider of that function, made if there is none. NULL: no memory. */
struct provider *provider_get(struct pci_dev *pdev);
struct provider *provider_find(const struct pci_dev *pdev);
/* After the function's driver is unbound. */
void provider_forget(struct provider *provider);
/* Forgets one that has registered nothing. */
void provider_put_unused(struct provider *provider);

/* The range with pages: registered now, or in an earlier window. Errors: EADDRNOTAVAIL, EADDRINUSE, ERANGE, those of the kernel.
 */
struct piece *piece_take(struct provider *provider, int bar, u64 offset, u64 length);

/* Whether only we hold the pages: no mapping, and no I/O on its way. Needs no lock. */
bool piece_is_idle(const struct piece *piece);

/* 0, or the reason (ERANGE) why the kernel cannot give the range pages. Needs no lock. */
int piece_check(struct pci_dev *pdev, int bar, u64 offset, u64 length);

#endif
