// SPDX-License-Identifier: GPL-2.0-only
#include "window.h"

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "piece.h"

#define RELEASE_TRIES 500 /* of 10 ms each */

struct window {
	struct list_head node;
	struct kref kref; /* the list's, a mapping's, that of work on its way */
	u32 number;
	int state; /* 0 until it is on the list; then enum penstock_p2p_state */
	bool is_taken_back; /* by the exporter, before it was on the list */
	struct pci_dev *pdev;
	struct dma_buf *dma_buf;
	struct dma_buf_attachment *attachment;
	struct sg_table *sg_table;
	u32 mapping_count;
	u32 piece_count;
	struct penstock_p2p_piece place[PENSTOCK_P2P_MAX_PIECES];
	struct piece *piece[PENSTOCK_P2P_MAX_PIECES];
	struct work_struct taken_back;
	struct completion ended; /* the exporter has its memory back */
};

/* Guards the windows, the providers and all that hangs on them. Taken inside a device lock and mmap_lock; nothing sleeps for long
 * with it, and it is never held where an exporter is called. */
static DEFINE_MUTEX(lock);
static LIST_HEAD(windows);
static u32 last_number;
static struct workqueue_struct *workqueue;

static void window_free(struct kref *kref)
{
	struct window *window = container_of(kref, struct window, kref);

	pci_dev_put(window->pdev);
	kfree(window);
}

static void window_put(struct window *window)
{
	kref_put(&window->kref, window_free);
}

/* The first whose number is not less. */
static struct window *window_from(u32 number)
{
	struct window *window;

	list_for_each_entry(window, &windows, node)
		if (window->number >= number)
			return window;
	return NULL;
}

static struct window *window_find(u32 number)
{
	struct window *window = window_from(number);

	return window && window->number == number ? window : NULL;
}

static u64 window_offset(const struct window *window)
{
	return (u64)window->number << WINDOW_MMAP_SHIFT;
}

static bool window_is_idle(const struct window *window)
{
	u32 i;

	for (i = 0; i < window->piece_count; i++)
		if (!piece_is_idle(window->piece[i]))
			return false;
	return true;
}

/* ---- What the exporter is asked for, and given back. */

static int window_pin(struct window *window)
{
	struct dma_resv *resv = window->dma_buf->resv;
	int error;
	long waited;

	dma_resv_lock(resv, NULL);
	error = dma_buf_pin(window->attachment);
	if (error)
		goto unlock;
	window->sg_table = dma_buf_map_attachment(window->attachment, DMA_BIDIRECTIONAL);
	error = PTR_ERR_OR_ZERO(window->sg_table);
	if (error)
		goto unpin;
	waited = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true, MAX_SCHEDULE_TIMEOUT);
	if (waited > 0)
		goto unlock;
	error = waited;
	dma_buf_unmap_attachment(window->attachment, window->sg_table, DMA_BIDIRECTIONAL);
unpin:
	dma_buf_unpin(window->attachment);
unlock:
	dma_resv_unlock(resv);
	return error;
}

static void window_unpin(struct window *window)
{
	struct dma_resv *resv = window->dma_buf->resv;

	dma_resv_lock(resv, NULL);
	dma_buf_unmap_attachment(window->attachment, window->sg_table, DMA_BIDIRECTIONAL);
	dma_buf_unpin(window->attachment);
	dma_resv_unlock(resv);
}

/*
 * Has the window ended by another thread. An exporter that wants its memory back holds the buffer's reservation lock; and a task
 * that unbinds a driver may have to wait for the buffer's file to be closed (vfio), which its own last reference would put off
 * until it leaves the kernel.
 */
static void window_take_back(struct window *window)
{
	kref_get(&window->kref);
	if (!queue_work(workqueue, &window->taken_back))
		window_put(window);
}

static void exporter_takes_back(struct dma_buf_attachment *attachment)
{
	window_take_back(attachment->importer_priv);
}

static const struct dma_buf_attach_ops attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = exporter_takes_back,
};

/* As the function itself: its own memory is where it can reach it. */
static int window_attach(struct window *window)
{
	struct pci_dev *pdev = window->pdev;
	int error = 0;

	window->attachment = dma_buf_dynamic_attach(window->dma_buf, &pdev->dev, &attach_ops, window);
	if (IS_ERR(window->attachment)) {
		error = PTR_ERR(window->attachment);
		goto refused;
	}
	if (window->attachment->peer2peer)
		error = window_pin(window);
	else
		error = -EOPNOTSUPP;
	if (!error)
		return 0;
	dma_buf_detach(window->dma_buf, window->attachment);
refused:
	pci_err(pdev,
		"penstock_p2p: the exporter %s does not pin the buffer for peers: %d. Fix: name the function whose memory it is, allocate it there and not for compression, and use a driver that pins device memory for peers\n",
		window->dma_buf->exp_name, error);
	return -ECONNREFUSED;
}

static void window_detach(struct window *window)
{
	window_unpin(window);
	dma_buf_detach(window->dma_buf, window->attachment);
	dma_buf_put(window->dma_buf);
	window->dma_buf = NULL;
}

/* ---- Where the buffer lies. */

/* The BAR that has all of these addresses, or -1. `as_bus`: addresses as on the bus, not as the processor sees them. */
static int find_bar(struct pci_dev *pdev, bool as_bus, u64 address, u64 length, u64 *offset)
{
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		const u64 start = as_bus ? pci_bus_address(pdev, bar) : pci_resource_start(pdev, bar);
		const u64 size = pci_resource_len(pdev, bar);

		if (!(pci_resource_flags(pdev, bar) & IORESOURCE_MEM) || address < start)
			continue;
		*offset = address - start;
		if (*offset < size && length <= size - *offset)
			return bar;
	}
	return -1;
}

/* Adds a part to the window's place, to the last piece if it goes on there. */
static int place_append(struct window *window, int bar, u64 offset, u64 length)
{
	struct penstock_p2p_piece *last = window->place + window->piece_count - 1;

	if (window->piece_count > 0 && last->bar == bar && last->offset + last->length == offset) {
		last->length += length;
		return 0;
	}
	if (window->piece_count == PENSTOCK_P2P_MAX_PIECES) {
		pci_err(window->pdev,
			"penstock_p2p: the buffer lies in more than %d pieces. Fix: allocate it contiguous, or smaller\n",
			PENSTOCK_P2P_MAX_PIECES);
		return -E2BIG;
	}
	last[1] = (struct penstock_p2p_piece){.bar = bar, .offset = offset, .length = length};
	window->piece_count++;
	return 0;
}

/*
 * What an address that an exporter gives stands for: true with a bus address, false with what the processor calls it. Behind an
 * IOMMU it is looked up; one that the IOMMU does not know is a bus address, whether or not the exporter marks it as one (vfio, for
 * a function that has its own memory, does not).
 */
static bool translate(struct iommu_domain *domain, struct scatterlist *segment, u64 *address)
{
	phys_addr_t found;

	if (sg_dma_is_bus_address(segment))
		return true;
	if (!domain)
		return false;
	found = iommu_iova_to_phys(domain, *address);
	if (!found)
		return true;
	*address = found;
	return false;
}

/* Behind an IOMMU a segment that is contiguous for the device may be scattered: it is looked up page by page. */
static int place_segment(struct window *window, struct iommu_domain *domain, struct scatterlist *segment)
{
	const u64 step = domain && !sg_dma_is_bus_address(segment) ? PAGE_SIZE : sg_dma_len(segment);
	u64 done, address, offset;
	int bar, error;
	bool as_bus;

	for (done = 0; done < sg_dma_len(segment); done += step) {
		address = sg_dma_address(segment) + done;
		as_bus = translate(domain, segment, &address);
		bar = find_bar(window->pdev, as_bus, address, step, &offset);
		if (bar < 0) {
			pci_err(window->pdev,
				"penstock_p2p: the buffer lies outside the function's BARs, at %#llx: in system memory, or in another function's. Fix: name the function that has it, and free device memory, so that it need not move out\n",
				address);
			return -EXDEV;
		}
		error = place_append(window, bar, offset, step);
		if (error)
			return error;
	}
	return 0;
}

static int window_locate(struct window *window)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&window->pdev->dev);
	struct scatterlist *segment;
	u64 length = 0;
	int error;
	u32 i;

	for_each_sgtable_dma_sg(window->sg_table, segment, i) {
		error = place_segment(window, domain, segment);
		if (error)
			return error;
		length += sg_dma_len(segment);
	}
	if (length != window->dma_buf->size)
		return -EXDEV;
	for (i = 0; i < window->piece_count; i++) {
		error = piece_check(window->pdev, window->place[i].bar, window->place[i].offset, window->place[i].length);
		if (error)
			return error;
	}
	return 0;
}

/* ---- The end of a window. */

/* With the lock held: whether the caller is the one that has to end it. */
static bool window_close(struct window *window)
{
	if (window->state != PENSTOCK_P2P_PINNED)
		return false;
	window->state = PENSTOCK_P2P_REVOKED;
	return true;
}

/*
 * Without the lock. Nothing can be mapped any more, but a mapping that was being made may only now be seen, so it is looked for
 * until the pages are ours alone: then no I/O is on its way either.
 */
static void window_end(struct window *window)
{
	for (;;) {
		unmap_everywhere(window_offset(window), window->dma_buf->size);
		if (window_is_idle(window))
			break;
		msleep(1);
	}
	window_detach(window);
	complete_all(&window->ended);
}

/* With the lock held, when it has ended. */
static void window_remove(struct window *window)
{
	struct provider *provider = provider_find(window->pdev);
	u32 i;

	for (i = 0; i < window->piece_count; i++)
		window->piece[i]->in_use = false;
	if (provider && provider->window == window)
		provider->window = NULL;
	list_del(&window->node);
	window_put(window);
}

static void work_taken_back(struct work_struct *work)
{
	struct window *window = container_of(work, struct window, taken_back);
	bool is_mine;

	mutex_lock(&lock);
	window->is_taken_back = true;
	is_mine = window_close(window);
	mutex_unlock(&lock);
	if (is_mine) {
		pci_warn(window->pdev, "penstock_p2p: window %u ends: its memory is taken back\n", window->number);
		window_end(window);
	}
	window_put(window);
}

void window_driver_leaves(struct pci_dev *pdev)
{
	struct provider *provider;
	struct window *window;

	mutex_lock(&lock);
	provider = provider_find(pdev);
	window = provider ? provider->window : NULL;
	if (window)
		kref_get(&window->kref);
	mutex_unlock(&lock);
	if (!window)
		return;
	window_take_back(window);
	wait_for_completion(&window->ended);
	mutex_lock(&lock);
	if (provider->window == window)
		window_remove(window);
	mutex_unlock(&lock);
	window_put(window);
}

void window_driver_left(struct pci_dev *pdev)
{
	struct provider *provider;

	mutex_lock(&lock);
	provider = provider_find(pdev);
	if (provider)
		provider_forget(provider);
	mutex_unlock(&lock);
}

int window_release(u32 number)
{
	struct window *window;
	bool is_mine = false;
	int tries;

	for (tries = 0;; tries++) {
		mutex_lock(&lock);
		window = window_find(number);
		if (!window || window->state != PENSTOCK_P2P_PINNED)
			break;
		if (window->mapping_count == 0 && window_is_idle(window)) {
			is_mine = window_close(window);
			break;
		}
		tries = window->mapping_count ? RELEASE_TRIES : tries;
		mutex_unlock(&lock);
		if (tries >= RELEASE_TRIES)
			return -EBUSY;
		if (msleep_interruptible(10))
			return -EINTR;
	}
	if (window)
		kref_get(&window->kref);
	mutex_unlock(&lock);
	if (!window)
		return -ENOENT;
	if (is_mine)
		window_end(window);
	wait_for_completion(&window->ended);
	mutex_lock(&lock);
	if (window_find(number))
		window_remove(window);
	mutex_unlock(&lock);
	window_put(window);
	return 0;
}

int windows_init(void)
{
	workqueue = alloc_workqueue("penstock_p2p", WQ_UNBOUND, 0);
	return workqueue ? 0 : -ENOMEM;
}

void windows_exit(void)
{
	destroy_workqueue(workqueue);
}

/* ---- The beginning of a window. */

/* What can be told before the exporter is asked. With the device lock held. */
static int check_function(struct pci_dev *pdev, u64 length)
{
	u64 largest = 0;
	int bar;

	if (pdev->is_virtfn) {
		pci_err(pdev, "penstock_p2p: a virtual function. Fix: use the physical function that has the BAR\n");
		return -EPERM;
	}
	if (!pdev->dev.driver) {
		pci_err(pdev, "penstock_p2p: no driver is bound. Fix: bind the driver that exported the buffer\n");
		return -EUNATCH;
	}
	if (!IS_ENABLED(CONFIG_PCI_P2PDMA)) {
		pci_err(pdev, "penstock_p2p: this kernel has no P2PDMA. Fix: use a kernel with CONFIG_PCI_P2PDMA\n");
		return -EOPNOTSUPP;
	}
	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		if (pci_resource_flags(pdev, bar) & IORESOURCE_MEM)
			largest = max_t(u64, largest, pci_resource_len(pdev, bar));
	if (length > largest || length > 1ull << WINDOW_MMAP_SHIFT) {
		pci_err(pdev,
			"penstock_p2p: %#llx bytes are more than its largest BAR of %#llx. Fix: switch on \"Above 4G decoding\" and \"Resizable BAR\" in the firmware\n",
			length, largest);
		return -EFBIG;
	}
	return 0;
}

static int check_no_window(struct pci_dev *pdev)
{
	const struct provider *provider;
	int error = 0;

	mutex_lock(&lock);
	provider = provider_find(pdev);
	if (!provider) {
		error = provider_check(pdev);
	} else if (provider->window) {
		pci_err(pdev, "penstock_p2p: it has window %u already. Fix: use that one, or release it\n",
			provider->window->number);
		error = -EEXIST;
	}
	mutex_unlock(&lock);
	return error;
}

/* With the lock held: gives the place pages, and puts the window on the list. */
static int window_publish(struct window *window)
{
	struct provider *provider;
	u32 taken;

	if (window->is_taken_back)
		return -ESTALE;
	provider = provider_get(window->pdev);
	if (!provider)
		return -ENOMEM;
	for (taken = 0; taken < window->piece_count; taken++) {
		const struct penstock_p2p_piece *place = window->place + taken;
		struct piece *piece = piece_take(provider, place->bar, place->offset, place->length);

		if (IS_ERR(piece)) {
			while (taken-- > 0)
				window->piece[taken]->in_use = false;
			provider_put_unused(provider);
			return PTR_ERR(piece);
		}
		window->piece[taken] = piece;
	}
	window->number = ++last_number;
	window->state = PENSTOCK_P2P_PINNED;
	provider->window = window;
	list_add_tail(&window->node, &windows);
	return 0;
}

/* Takes over the buffer, not the function's lock, which is held. */
static int window_make(struct pci_dev *pdev, struct dma_buf *dma_buf, u32 *number)
{
	struct window *window = kzalloc(sizeof(*window), GFP_KERNEL);
	int error = -ENOMEM;

	if (!window)
		goto put_buffer;
	kref_init(&window->kref);
	INIT_WORK(&window->taken_back, work_taken_back);
	init_completion(&window->ended);
	window->pdev = pci_dev_get(pdev);
	window->dma_buf = dma_buf;
	error = window_attach(window);
	if (error)
		goto put_window;
	error = window_locate(window);
	if (!error) {
		mutex_lock(&lock);
		error = window_publish(window);
		*number = window->number;
		mutex_unlock(&lock);
	}
	if (!error)
		return 0;
	window_detach(window);
	window_put(window);
	return error;
put_window:
	window_put(window);
put_buffer:
	dma_buf_put(dma_buf);
	return error;
}

int window_reserve(struct penstock_p2p_reserve *request)
{
	const u32 address = request->function.address;
	struct dma_buf *dma_buf;
	struct pci_dev *pdev;
	int error;

	if (request->flags || request->reserved || request->window || address > 0xFFFF)
		return -EINVAL;
	dma_buf = dma_buf_get(request->dma_buf);
	if (IS_ERR(dma_buf))
		return -EBADF;
	pdev = pci_get_domain_bus_and_slot(request->function.domain, address >> 8, address & 0xFF);
	if (!pdev) {
		dma_buf_put(dma_buf);
		return -ENODEV;
	}
	device_lock(&pdev->dev);
	error = check_function(pdev, dma_buf->size);
	if (!error)
		error = check_no_window(pdev);
	if (error)
		dma_buf_put(dma_buf);
	else
		error = window_make(pdev, dma_buf, &request->window);
	device_unlock(&pdev->dev);
	pci_dev_put(pdev);
	return error;
}

/* ---- A window in use. */

int window_query(struct penstock_p2p_query *query)
{
	struct window *window;
	u32 i;

	mutex_lock(&lock);
	window = window_from(query->window);
	if (window) {
		memset(query, 0, sizeof(*query));
		query->window = window->number;
		query->state = window->state;
		query->function.domain = pci_domain_nr(window->pdev->bus);
		query->function.address = pci_dev_id(window->pdev);
		query->mmap_offset = window_offset(window);
		query->mapping_count = window->mapping_count;
		query->piece_count = window->piece_count;
		for (i = 0; i < window->piece_count; i++) {
			query->piece[i] = window->place[i];
			query->length += window->place[i].length;
		}
	}
	mutex_unlock(&lock);
	return window ? 0 : -ENOENT;
}

int window_export(u32 number)
{
	struct dma_buf *dma_buf = NULL;
	struct window *window;
	int result;

	mutex_lock(&lock);
	window = window_find(number);
	result = !window ? -ENOENT : window->state == PENSTOCK_P2P_PINNED ? 0 : -ESTALE;
	if (!result) {
		dma_buf = window->dma_buf;
		get_dma_buf(dma_buf);
	}
	mutex_unlock(&lock);
	if (result)
		return result;
	result = dma_buf_fd(dma_buf, O_CLOEXEC);
	if (result < 0)
		dma_buf_put(dma_buf);
	return result;
}

static void mapping_open(struct vm_area_struct *vma)
{
	struct window *window = vma->vm_private_data;

	mutex_lock(&lock);
	window->mapping_count++;
	mutex_unlock(&lock);
	kref_get(&window->kref);
}

static void mapping_close(struct vm_area_struct *vma)
{
	struct window *window = vma->vm_private_data;

	mutex_lock(&lock);
	window->mapping_count--;
	mutex_unlock(&lock);
	window_put(window);
}

static const struct vm_operations_struct mapping_ops = {
	.open = mapping_open,
	.close = mapping_close,
};

static int insert_pages(struct vm_area_struct *vma, const struct window *window)
{
	unsigned long at = vma->vm_start, i;
	int error;
	u32 n;

	for (n = 0; n < window->piece_count; n++)
		for (i = 0; i < piece_page_count(window->piece[n]); i++, at += PAGE_SIZE) {
			if (at == vma->vm_end)
				return 0;
			error = vm_insert_page(vma, at, window->piece[n]->pages + i);
			if (error)
				return error;
		}
	return at == vma->vm_end ? 0 : -EINVAL;
}

int window_mmap(struct vm_area_struct *vma)
{
	const u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct window *window;
	int error;

	if (!(vma->vm_flags & VM_SHARED) || offset & ((1ull << WINDOW_MMAP_SHIFT) - 1))
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	mutex_lock(&lock);
	window = window_find(offset >> WINDOW_MMAP_SHIFT);
	error = !window ? -ENOENT : window->state == PENSTOCK_P2P_PINNED ? insert_pages(vma, window) : -ESTALE;
	if (!error) {
		window->mapping_count++;
		kref_get(&window->kref);
		vma->vm_private_data = window;
		vma->vm_ops = &mapping_ops;
	}
	mutex_unlock(&lock);
	return error;
}
