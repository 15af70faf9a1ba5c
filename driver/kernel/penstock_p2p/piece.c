// SPDX-License-Identifier: GPL-2.0-only
#include "piece.h"

#include <linux/kernfs.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>

#include "compat.h"

static LIST_HEAD(providers);

/* Whether the kernel keeps a pool of peer-to-peer memory for the function, published or not. */
static bool has_pool(struct pci_dev *pdev)
{
	struct kernfs_node *folder = kernfs_find_and_get(pdev->dev.kobj.sd, "p2pmem");

	kernfs_put(folder);
	return folder;
}

struct provider *provider_find(const struct pci_dev *pdev)
{
	struct provider *provider;

	list_for_each_entry(provider, &providers, node)
		if (provider->pdev == pdev)
			return provider;
	return NULL;
}

int provider_check(struct pci_dev *pdev)
{
	if (!has_pool(pdev))
		return 0;
	pci_err(pdev,
		"penstock_p2p: its memory is registered for peers already. Fix: use it as it is (p2pmem), or keep who registered it (amdgpu's own driver, an NVMe CMB) from doing so\n");
	return -EADDRINUSE;
}

struct provider *provider_get(struct pci_dev *pdev)
{
	struct provider *provider = provider_find(pdev);

	if (provider)
		return provider;
	provider = kzalloc(sizeof(*provider), GFP_KERNEL);
	if (!provider)
		return NULL;
	__module_get(THIS_MODULE);
	provider->pdev = pci_dev_get(pdev);
	INIT_LIST_HEAD(&provider->pieces);
	list_add(&provider->node, &providers);
	return provider;
}

void provider_forget(struct provider *provider)
{
	struct piece *piece, *next;

	list_for_each_entry_safe(piece, next, &provider->pieces, node)
		kfree(piece);
	list_del(&provider->node);
	pci_dev_put(provider->pdev);
	kfree(provider);
	module_put(THIS_MODULE);
}

void provider_put_unused(struct provider *provider)
{
	if (list_empty(&provider->pieces) && !has_pool(provider->pdev))
		provider_forget(provider);
}

int piece_check(struct pci_dev *pdev, int bar, u64 offset, u64 length)
{
	const u64 grain = max_t(u64, memremap_compat_align(), PAGE_SIZE);

	if (IS_ALIGNED(pci_resource_start(pdev, bar) + offset, grain) && IS_ALIGNED(length, grain))
		return 0;
	pci_err(pdev,
		"penstock_p2p: the piece of %#llx bytes at %#llx of BAR %d does not begin and end on a multiple of %#llx. Fix: allocate a multiple of it, contiguous\n",
		length, offset, bar, grain);
	return -ERANGE;
}

/*
 * Runs when the function's driver has been unbound, before the kernel takes the pages back, for which it waits until the last
 * reference is gone: a read that is still on its way may hold one.
 */
static void put_pages(void *data)
{
	struct piece *piece = data;
	unsigned long i;

	for (i = 0; i < piece_page_count(piece); i++)
		put_page(piece->pages + i);
}

/*
 * Takes the whole of what was just registered out of the kernel's pool. The kernel counts a reference to the range for each page
 * that it will see freed; the allocation took the first.
 */
static int piece_occupy(struct pci_dev *pdev, struct piece *piece)
{
	void *address = pci_alloc_p2pmem(pdev, piece->length);
	unsigned long i;

	if (!address)
		return -EADDRINUSE;
	if (pci_p2pmem_virt_to_bus(pdev, address) != pci_bus_address(pdev, piece->bar) + piece->offset) {
		pci_free_p2pmem(pdev, address, piece->length);
		return -EADDRINUSE;
	}
	piece->pages = virt_to_page(address);
	percpu_ref_get_many(&page_pgmap(piece->pages)->ref, piece_page_count(piece) - 1);
	for (i = 0; i < piece_page_count(piece); i++)
		set_page_count(piece->pages + i, 1); /* 6.15 and later keep free ones at 0, earlier ones at 1 */
	return devm_add_action_or_reset(&pdev->dev, put_pages, piece);
}

static struct piece *piece_register(struct provider *provider, int bar, u64 offset, u64 length)
{
	struct pci_dev *pdev = provider->pdev;
	struct piece *piece = kzalloc(sizeof(*piece), GFP_KERNEL);
	int error;

	if (!piece)
		return ERR_PTR(-ENOMEM);
	piece->bar = bar;
	piece->offset = offset;
	piece->length = length;
	error = pci_p2pdma_add_resource(pdev, bar, length, offset);
	if (!error)
		error = piece_occupy(pdev, piece);
	if (error) {
		pci_err(pdev,
			"penstock_p2p: cannot register %#llx bytes at %#llx of BAR %d: %d. Fix: free memory (64 bytes for each page of the window), or unbind and bind the function's driver\n",
			length, offset, bar, error);
		kfree(piece);
		return ERR_PTR(error);
	}
	list_add_tail(&piece->node, &provider->pieces);
	return piece;
}

struct piece *piece_take(struct provider *provider, int bar, u64 offset, u64 length)
{
	struct piece *piece;

	list_for_each_entry(piece, &provider->pieces, node) {
		if (piece->bar != bar || piece->offset >= offset + length || offset >= piece->offset + piece->length)
			continue;
		if (piece->offset == offset && piece->length == length && !piece->in_use)
			goto found;
		pci_err(provider->pdev,
			"penstock_p2p: the piece of %#llx bytes at %#llx of BAR %d overlaps one of %#llx at %#llx that an earlier window left behind. Fix: reserve a buffer of the same size and place, or unbind and bind the function's driver\n",
			length, offset, bar, piece->length, piece->offset);
		return ERR_PTR(-EADDRNOTAVAIL);
	}
	piece = piece_register(provider, bar, offset, length);
	if (IS_ERR(piece))
		return piece;
found:
	piece->in_use = true;
	return piece;
}

bool piece_is_idle(const struct piece *piece)
{
	unsigned long i;

	for (i = 0; i < piece_page_count(piece); i++)
		if (page_ref_count(piece->pages + i) != 1)
			return false;
	return true;
}
