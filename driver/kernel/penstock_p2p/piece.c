// SPDX-License-Identifier: GPL-2.0-only
#include "piece.h"

#include <linux/iommu.h>
#include <linux/kernfs.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>

#include "compat.h"

/* ---- Where a buffer lies. */

/*
 * The BAR that has the page of this address, which is then as the processor sees it. The exporter gave it as the function's own
 * in its IOMMU domain, or without one the processor's; or as the bus's, marked as such or not (vfio does not). Linux keeps what
 * is the bus's out of the domains, so an address is never both.
 */
static struct resource *find_bar(struct pci_dev *pdev, u64 *address)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&pdev->dev);
	struct pci_bus_region region = {.start = *address, .end = *address + PAGE_SIZE - 1};
	struct resource page = DEFINE_RES_MEM(domain ? iommu_iova_to_phys(domain, *address) : *address, PAGE_SIZE);
	struct resource *bar = pci_find_resource(pdev, &page);

	if (!bar) {
		pcibios_bus_to_resource(pdev->bus, &page, &region);
		bar = pci_find_resource(pdev, &page);
	}
	*address = page.start;
	return bar;
}

/* Adds a page, to the last piece if that goes on there. */
static int locate_page(struct pci_dev *pdev, u64 address, struct penstock_p2p_query *facts)
{
	struct penstock_p2p_piece *last = facts->piece_count ? &facts->piece[facts->piece_count - 1] : NULL;
	const struct resource *bar = find_bar(pdev, &address);
	struct penstock_p2p_piece place = {.length = PAGE_SIZE};

	if (!bar)
		return refuse(pdev, EXDEV,
			      "the buffer lies outside the function's BARs, at %#llx. Fix: name its function, free device memory",
			      address);
	place.bar = bar - pdev->resource;
	place.offset = address - bar->start;
	facts->length += PAGE_SIZE;
	if (last && last->bar == place.bar && last->offset + last->length == place.offset) {
		last->length += PAGE_SIZE;
		return 0;
	}
	if (facts->piece_count == PENSTOCK_P2P_MAX_PIECES)
		return refuse(pdev, E2BIG, "the buffer lies in more than %d pieces. Fix: allocate it contiguous, or smaller",
			      PENSTOCK_P2P_MAX_PIECES);
	facts->piece[facts->piece_count++] = place;
	return 0;
}

/* Page by page: what is contiguous for the function may be scattered behind its IOMMU. */
int pieces_locate(struct pci_dev *pdev, struct sg_table *buffer, struct penstock_p2p_query *facts)
{
	const u64 grain = memremap_compat_align();
	const struct penstock_p2p_piece *piece;
	struct scatterlist *segment;
	int error, i;
	u64 done;

	for_each_sgtable_dma_sg(buffer, segment, i)
		for (done = 0; done < sg_dma_len(segment); done += PAGE_SIZE) {
			error = locate_page(pdev, sg_dma_address(segment) + done, facts);
			if (error)
				return error;
		}
	for (piece = facts->piece; piece < facts->piece + facts->piece_count; piece++)
		if (!IS_ALIGNED((pci_resource_start(pdev, piece->bar) + piece->offset) | piece->length, grain))
			return refuse(pdev, ERANGE,
				      "%#llx bytes at %#llx of BAR %u: no multiple of %#llx. Fix: allocate such, contiguous",
				      piece->length, piece->offset, piece->bar, grain);
	return facts->piece_count ? 0 : -EXDEV;
}

/* ---- Pieces that have struct pages. */

/*
 * One reference to each page is ours from the beginning to the end, so that no page comes free, and so to somebody else, when the
 * last mapping goes: what lies below may long belong to another buffer of the function's driver. Each holds this module, since
 * only the unbinding of that driver lets the kernel take pages back.
 */
struct piece {
	struct list_head node;
	const struct pci_dev *pdev;
	struct penstock_p2p_piece place; /* of no length: registering it failed, but the function's pool is ours since */
	struct page *pages;
};

static LIST_HEAD(pieces);

int pieces_check(struct pci_dev *pdev)
{
	/* The kernel's pool of peer-to-peer memory, published or not. */
	struct kernfs_node *pool = kernfs_find_and_get(pdev->dev.kobj.sd, "p2pmem");
	struct piece *piece;

	kernfs_put(pool);
	list_for_each_entry(piece, &pieces, node)
		if (piece->pdev == pdev)
			return 0;
	if (!pool)
		return 0;
	return refuse(pdev, EADDRINUSE,
		      "its memory is registered for peers already. Fix: keep from it who did (AMD's own driver, a CMB)");
}

/*
 * Runs when the function's driver has been unbound, before the kernel takes the pages back, for which it waits until the last
 * reference is gone: a read that is still on its way may hold one.
 */
static void put_pages(void *data)
{
	const struct piece *piece = data;
	unsigned long i;

	for (i = 0; i < piece->place.length >> PAGE_SHIFT; i++)
		put_page(piece->pages + i);
}

/*
 * Takes the whole of what is registered out of the kernel's pool. The kernel counts a reference to the range for each page that
 * it will see freed; the allocation took the first.
 */
static int piece_register(struct pci_dev *pdev, struct piece *piece)
{
	const struct penstock_p2p_piece *place = &piece->place;
	const unsigned long count = place->length >> PAGE_SHIFT;
	unsigned long i;
	void *address;
	int error;

	error = pci_p2pdma_add_resource(pdev, place->bar, place->length, place->offset);
	if (error)
		return error;
	address = pci_alloc_p2pmem(pdev, place->length);
	if (!address)
		return -EADDRINUSE;
	if (pci_p2pmem_virt_to_bus(pdev, address) != pci_bus_address(pdev, place->bar) + place->offset) {
		pci_free_p2pmem(pdev, address, place->length);
		return -EADDRINUSE;
	}
	piece->pages = virt_to_page(address);
	percpu_ref_get_many(&page_pgmap(piece->pages)->ref, count - 1);
	for (i = 0; i < count; i++)
		set_page_count(piece->pages + i, 1); /* 6.15 and later keep free ones at 0, earlier ones at 1 */
	return devm_add_action_or_reset(&pdev->dev, put_pages, piece);
}

static bool overlap(const struct penstock_p2p_piece *one, const struct penstock_p2p_piece *other)
{
	return one->bar == other->bar &&
	       max(one->offset, other->offset) < min(one->offset + one->length, other->offset + other->length);
}

int piece_take(struct pci_dev *pdev, const struct penstock_p2p_piece *place, struct page **pages)
{
	struct piece *piece, *unused = NULL;
	int error;

	list_for_each_entry(piece, &pieces, node) {
		if (piece->pdev != pdev)
			continue;
		if (!memcmp(&piece->place, place, sizeof(*place)))
			goto found;
		if (overlap(&piece->place, place))
			return refuse(
				pdev, EADDRNOTAVAIL,
				"%#llx bytes at %#llx of BAR %u overlap an earlier window (%#llx at %#llx). Fix: rebind the driver",
				place->length, place->offset, place->bar, piece->place.length, piece->place.offset);
		if (!piece->place.length)
			unused = piece;
	}
	/* Well before Linux runs short itself: what it has taken by then for the range is lost (seen on 7.3). */
	if ((place->length >> PAGE_SHIFT) * sizeof(struct page) >> PAGE_SHIFT > si_mem_available() / 2)
		return refuse(pdev, ENOMEM,
			      "no memory to describe %#llx bytes with. Fix: free %zu for each page, or reserve less",
			      place->length, 2 * sizeof(struct page));
	piece = unused ?: kzalloc(sizeof(*piece), GFP_KERNEL);
	if (!piece)
		return -ENOMEM;
	if (!unused) {
		__module_get(THIS_MODULE);
		piece->pdev = pdev;
		list_add(&piece->node, &pieces);
	}
	piece->place = *place;
	error = piece_register(pdev, piece);
	if (error) {
		piece->place.length = 0;
		return refuse(pdev, -error, "cannot register %#llx bytes at %#llx of BAR %u: %d. Fix: rebind the driver",
			      place->length, place->offset, place->bar, error);
	}
found:
	*pages = piece->pages;
	return 0;
}

void pieces_forget(const struct pci_dev *pdev)
{
	struct piece *piece, *next;

	list_for_each_entry_safe(piece, next, &pieces, node) {
		if (piece->pdev != pdev)
			continue;
		list_del(&piece->node);
		kfree(piece);
		module_put(THIS_MODULE);
	}
}
