/* SPDX-License-Identifier: GPL-2.0-only */
/* Pieces of a function's BARs: which of them a buffer lies in, and their struct pages. */
#ifndef PENSTOCK_P2P_PIECE_H
#define PENSTOCK_P2P_PIECE_H

#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "penstock_p2p.h"

/* A refusal: in the kernel's log, with its remedy after "Fix:", and as the call's errno. */
#define refuse(pdev, error, format, ...) (pci_err(pdev, "penstock_p2p: " format "\n", ##__VA_ARGS__), -(error))

/* Adds the pieces of a mapped buffer, in its order, and their length. Errors: EXDEV, E2BIG, ERANGE. */
int pieces_locate(struct pci_dev *pdev, struct sg_table *buffer, struct penstock_p2p_query *facts);

/* These with the module's lock and the function's device lock held. */

/* 0, or EADDRINUSE: somebody else has registered memory of the function. */
int pieces_check(struct pci_dev *pdev);
/*
 * The first page of a piece, which is registered now or was for an earlier window. While nobody uses it each page has one
 * reference, which is ours. Errors: EADDRNOTAVAIL, EADDRINUSE, ENOMEM, others of the kernel.
 */
int piece_take(struct pci_dev *pdev, const struct penstock_p2p_piece *place, struct page **pages);
/* After the function's driver is unbound. */
void pieces_forget(const struct pci_dev *pdev);

#endif
