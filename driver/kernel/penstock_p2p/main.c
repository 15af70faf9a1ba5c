// SPDX-License-Identifier: GPL-2.0-only
/*
 * penstock_p2p: windows of a PCI function's memory that direct I/O can reach. They are pinned dma-bufs whose place in a BAR has
 * struct pages. Their life, the device through which programs have them, and what the PCI bus tells of drivers that go.
 */
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/miscdevice.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "piece.h"

/* A window's bytes begin at its number << this in the offsets of mmap, which are signed. */
#define WINDOW_SHIFT 40
#define WINDOW_NUMBERS XA_LIMIT(1, (1 << (63 - WINDOW_SHIFT)) - 1)

struct window {
	struct pci_dev *pdev; /* without a reference: a window does not outlive the binding of its function's driver */
	struct dma_buf *dma_buf; /* NULL: it has ended, and the exporter has its memory back */
	struct dma_buf_attachment *attachment;
	struct sg_table *sg_table;
	struct work_struct end;
	unsigned long is_ending; /* bit 0: that work is on its way, or done */
	bool is_released; /* the end frees it */
	struct penstock_p2p_query facts; /* number 0: it is not published yet */
	struct page *pages[PENSTOCK_P2P_MAX_PIECES]; /* the first of each piece */
};

/*
 * Guards the windows, the pieces and all that hangs on them. Taken inside a device lock and mmap_lock; nothing sleeps for long
 * with it, and it is never held where an exporter is called.
 */
static DEFINE_MUTEX(lock);
static DEFINE_XARRAY_ALLOC1(windows);
static u32 next_number;
static struct workqueue_struct *workqueue;
/* All open files have its address space, so that a window is unmapped everywhere at once, whatever node it was mapped by. */
static struct file *all_mappings;

/* One that can be used. Errors: ENOENT, ESTALE. */
static struct window *window_find(unsigned long number)
{
	struct window *window = xa_load(&windows, number);

	if (!window)
		return ERR_PTR(-ENOENT);
	return window->facts.state == PENSTOCK_P2P_PINNED ? window : ERR_PTR(-ESTALE);
}

static struct window *window_of(const struct pci_dev *pdev)
{
	struct window *window;
	unsigned long number;

	xa_for_each(&windows, number, window)
		if (window->pdev == pdev)
			break;
	return window;
}

static int mapping_count(const struct window *window)
{
	return folio_mapcount(page_folio(window->pages[0]));
}

/* ---- The end of a window. */

/*
 * It ends in another thread, once. An exporter that wants its memory back holds the buffer's reservation lock; and a task that
 * unbinds a driver may have to wait for the buffer's file to be closed (vfio), which its own last reference would put off until
 * it leaves the kernel.
 */
static void window_end(struct window *window)
{
	if (!test_and_set_bit(0, &window->is_ending))
		queue_work(workqueue, &window->end);
}

static void exporter_takes_back(struct dma_buf_attachment *attachment)
{
	window_end(attachment->importer_priv);
}

/* With the lock held: frees it, once it has ended. */
static void window_let_go(struct window *window)
{
	window->facts.state = PENSTOCK_P2P_REVOKED;
	window->is_released = true;
	if (window->dma_buf) {
		window_end(window);
		return;
	}
	xa_erase(&windows, window->facts.window);
	kfree(window);
}

static void window_detach(struct window *window)
{
	struct dma_resv *resv = window->dma_buf->resv;

	dma_resv_lock(resv, NULL);
	dma_buf_unmap_attachment(window->attachment, window->sg_table, DMA_BIDIRECTIONAL);
	dma_buf_unpin(window->attachment);
	dma_resv_unlock(resv);
	dma_buf_detach(window->dma_buf, window->attachment);
}

/* Whether only we hold the pages: no mapping, and no I/O on its way. */
static bool window_is_idle(const struct window *window)
{
	unsigned long i;
	u32 n;

	for (n = 0; n < window->facts.piece_count; n++)
		for (i = 0; i < window->facts.piece[n].length >> PAGE_SHIFT; i++)
			if (page_ref_count(window->pages[n] + i) != 1)
				return false;
	return true;
}

/* A mapping that was being made may only later be seen, so it is looked for until the pages are ours alone. */
static void work_end(struct work_struct *work)
{
	struct window *window = container_of(work, struct window, end);
	struct penstock_p2p_query *facts = &window->facts;

	mutex_lock(&lock);
	facts->state = PENSTOCK_P2P_REVOKED;
	if (facts->window && !window->is_released)
		pci_warn(window->pdev, "penstock_p2p: window %u ends: its memory is taken back\n", facts->window);
	mutex_unlock(&lock);
	if (!facts->window)
		return; /* who was about to publish it sees to it */
	for (;;) {
		unmap_mapping_range(all_mappings->f_mapping, facts->mmap_offset, facts->length, 1);
		if (window_is_idle(window))
			break;
		usleep_range(1000, 2000);
	}
	window_detach(window);
	dma_buf_put(window->dma_buf);
	mutex_lock(&lock);
	window->dma_buf = NULL;
	if (window->is_released)
		window_let_go(window);
	mutex_unlock(&lock);
}

static int call_release(const struct penstock_p2p_release *request)
{
	struct window *window;
	int error = 0;

	if (request->reserved)
		return -EINVAL;
	mutex_lock(&lock);
	window = xa_load(&windows, request->window);
	if (!window)
		error = -ENOENT;
	else if (window->facts.state == PENSTOCK_P2P_PINNED && mapping_count(window))
		error = -EBUSY;
	else
		window_let_go(window);
	mutex_unlock(&lock);
	while (!error && xa_load(&windows, request->window))
		error = msleep_interruptible(1) ? -EINTR : 0;
	return error;
}

/* Before its driver leaves, the function's window has to end; when it has left, the kernel has taken the pages back. */
static int bus_event(struct notifier_block *block, unsigned long event, void *data)
{
	const struct pci_dev *pdev = to_pci_dev(data);
	unsigned long number = 0;
	struct window *window;

	if (event != BUS_NOTIFY_UNBIND_DRIVER && event != BUS_NOTIFY_UNBOUND_DRIVER)
		return NOTIFY_DONE;
	mutex_lock(&lock);
	window = window_of(pdev);
	if (event == BUS_NOTIFY_UNBOUND_DRIVER) {
		pieces_forget(pdev);
	} else if (window) {
		number = window->facts.window;
		window_let_go(window);
	}
	mutex_unlock(&lock);
	while (xa_load(&windows, number))
		usleep_range(1000, 2000);
	return NOTIFY_DONE;
}

static struct notifier_block bus_events = {
	.notifier_call = bus_event,
};

/* ---- The beginning of a window. */

/* What can be told before the exporter is asked. With the lock and the device lock held. */
static int check_function(struct pci_dev *pdev, u64 length)
{
	const struct window *window = window_of(pdev);
	u64 largest = 0;
	int bar;

	if (pdev->is_virtfn)
		return refuse(pdev, EPERM, "a virtual function. Fix: use the physical function that has the BAR");
	if (!pdev->dev.driver)
		return refuse(pdev, EUNATCH, "no driver is bound. Fix: bind the driver that exported the buffer");
	if (!IS_ENABLED(CONFIG_PCI_P2PDMA))
		return refuse(pdev, EOPNOTSUPP, "this kernel has no P2PDMA. Fix: use a kernel with CONFIG_PCI_P2PDMA");
	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		largest = max_t(u64, largest, pci_resource_len(pdev, bar));
	if (length > min(largest, 1ull << WINDOW_SHIFT))
		return refuse(pdev, EFBIG,
			      "%#llx bytes, but no BAR of more than %#llx. Fix: Above 4G decoding, resizable BARs (firmware)",
			      length, largest);
	if (window)
		return refuse(pdev, EEXIST, "it has window %u already. Fix: use that, or release it", window->facts.window);
	return pieces_check(pdev);
}

static const struct dma_buf_attach_ops attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = exporter_takes_back,
};

/* As the function itself: its own memory is where it can reach it. */
static int window_attach(struct window *window)
{
	struct dma_resv *resv = window->dma_buf->resv;
	struct dma_buf_attachment *attachment;
	int error;

	attachment = dma_buf_dynamic_attach(window->dma_buf, &window->pdev->dev, &attach_ops, window);
	error = PTR_ERR_OR_ZERO(attachment);
	if (error)
		goto refused;
	window->attachment = attachment;
	dma_resv_lock(resv, NULL);
	error = attachment->peer2peer ? dma_buf_pin(attachment) : -EOPNOTSUPP;
	if (!error) {
		window->sg_table = dma_buf_map_attachment(attachment, DMA_BIDIRECTIONAL);
		error = PTR_ERR_OR_ZERO(window->sg_table);
		if (error)
			dma_buf_unpin(attachment);
	}
	dma_resv_unlock(resv);
	if (!error) {
		dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, false, MAX_SCHEDULE_TIMEOUT);
		return 0;
	}
	dma_buf_detach(window->dma_buf, attachment);
refused:
	return refuse(window->pdev, ECONNREFUSED,
		      "the exporter %s does not pin it for peers: %d. Fix: allocate device memory of this very function",
		      window->dma_buf->exp_name, error);
}

/* With the lock held: gives the window pages and a number, which is returned. */
static int window_publish(struct window *window)
{
	struct penstock_p2p_query *facts = &window->facts;
	int error;
	u32 n;

	if (test_bit(0, &window->is_ending))
		return refuse(window->pdev, ESTALE, "the exporter takes the buffer back already. Fix: reserve it again");
	for (n = 0; n < facts->piece_count; n++) {
		error = piece_take(window->pdev, &facts->piece[n], &window->pages[n]);
		if (error)
			return error;
	}
	error = xa_alloc_cyclic(&windows, &n, window, WINDOW_NUMBERS, &next_number, GFP_KERNEL);
	if (error < 0)
		return error;
	facts->window = n;
	facts->mmap_offset = (u64)n << WINDOW_SHIFT;
	facts->state = PENSTOCK_P2P_PINNED;
	facts->function.domain = pci_domain_nr(window->pdev->bus);
	facts->function.address = pci_dev_id(window->pdev);
	return n;
}

/* With the device lock held. The window's number, with which it is everybody's, or an error. */
static int window_make(struct window *window)
{
	int result;

	mutex_lock(&lock);
	result = check_function(window->pdev, window->dma_buf->size);
	mutex_unlock(&lock);
	if (!result)
		result = window_attach(window);
	if (result)
		return result;
	result = pieces_locate(window->pdev, window->sg_table, &window->facts);
	if (!result) {
		mutex_lock(&lock);
		result = window_publish(window);
		mutex_unlock(&lock);
	}
	if (result < 0)
		window_detach(window);
	return result;
}

static int call_reserve(struct penstock_p2p_reserve *request)
{
	const u32 address = request->function.address;
	struct window *window;
	struct pci_dev *pdev;
	int result = -EBADF;

	if (request->flags || request->reserved || request->window || address > 0xFFFF)
		return -EINVAL;
	window = kzalloc(sizeof(*window), GFP_KERNEL);
	if (!window)
		return -ENOMEM;
	INIT_WORK(&window->end, work_end);
	window->dma_buf = dma_buf_get(request->dma_buf);
	if (IS_ERR(window->dma_buf))
		goto free;
	result = -ENODEV;
	pdev = pci_get_domain_bus_and_slot(request->function.domain, address >> 8, address & 0xFF);
	if (!pdev)
		goto put_buffer;
	window->pdev = pdev;
	device_lock(&pdev->dev);
	result = window_make(window);
	device_unlock(&pdev->dev);
	pci_dev_put(pdev);
	if (result > 0) {
		request->window = result;
		return 0;
	}
	cancel_work_sync(&window->end);
put_buffer:
	dma_buf_put(window->dma_buf);
free:
	kfree(window);
	return result;
}

/* ---- A window in use. */

static int call_query(struct penstock_p2p_query *query)
{
	unsigned long number = query->window;
	struct window *window;

	mutex_lock(&lock);
	window = xa_find(&windows, &number, ULONG_MAX, XA_PRESENT);
	if (window) {
		*query = window->facts;
		query->mapping_count = mapping_count(window);
	}
	mutex_unlock(&lock);
	return window ? 0 : -ENOENT;
}

static int call_export(struct penstock_p2p_export *request)
{
	struct window *window;

	mutex_lock(&lock);
	window = window_find(request->window);
	request->dma_buf = PTR_ERR_OR_ZERO(window);
	if (!IS_ERR(window)) {
		get_dma_buf(window->dma_buf);
		request->dma_buf = dma_buf_fd(window->dma_buf, O_CLOEXEC);
		if (request->dma_buf < 0)
			dma_buf_put(window->dma_buf);
	}
	mutex_unlock(&lock);
	return min(request->dma_buf, 0);
}

/* Maps a window, or its first part, at once: a page that is missing later was taken away. */
static int insert_pages(struct vm_area_struct *vma, const struct window *window)
{
	unsigned long at = vma->vm_start, i;
	int error;
	u32 n;

	for (n = 0; n < window->facts.piece_count; n++)
		for (i = 0; i < window->facts.piece[n].length >> PAGE_SHIFT; i++, at += PAGE_SIZE) {
			if (at == vma->vm_end)
				return 0;
			error = vm_insert_page(vma, at, window->pages[n] + i);
			if (error)
				return error;
		}
	return at == vma->vm_end ? 0 : -EINVAL;
}

static int p2p_mmap(struct file *file, struct vm_area_struct *vma)
{
	const u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct window *window;
	int error;

	if (!(vma->vm_flags & VM_SHARED) || offset & ((1ull << WINDOW_SHIFT) - 1))
		return -EINVAL;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	mutex_lock(&lock);
	window = window_find(offset >> WINDOW_SHIFT);
	error = IS_ERR(window) ? PTR_ERR(window) : insert_pages(vma, window);
	mutex_unlock(&lock);
	return error;
}

/* ---- The device. */

static int p2p_open(struct inode *inode, struct file *file)
{
	file->f_mapping = all_mappings->f_mapping;
	return 0;
}

static long p2p_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	void *request = memdup_user((void __user *)argument, _IOC_SIZE(command));
	int error = 0;

	if (IS_ERR(request))
		return PTR_ERR(request);
	switch (command) {
	case PENSTOCK_P2P_GET_VERSION:
		*(u32 *)request = PENSTOCK_P2P_VERSION;
		break;
	case PENSTOCK_P2P_RESERVE:
		error = call_reserve(request);
		break;
	case PENSTOCK_P2P_QUERY:
		error = call_query(request);
		break;
	case PENSTOCK_P2P_EXPORT:
		error = call_export(request);
		break;
	case PENSTOCK_P2P_RELEASE:
		error = call_release(request);
		break;
	default:
		error = -ENOTTY;
	}
	/* A window whose number does not reach the caller is found by PENSTOCK_P2P_QUERY. */
	if (!error && _IOC_DIR(command) & _IOC_READ && copy_to_user((void __user *)argument, request, _IOC_SIZE(command)))
		error = -EFAULT;
	kfree(request);
	return error;
}

static const struct file_operations p2p_operations = {
	.owner = THIS_MODULE,
	.open = p2p_open,
	.unlocked_ioctl = p2p_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = p2p_mmap,
};

static struct miscdevice p2p_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "penstock_p2p",
	.fops = &p2p_operations,
	.mode = 0600,
};

static int __init p2p_init(void)
{
	int error = -ENOMEM;

	all_mappings = shmem_file_setup("penstock_p2p", 0, PENSTOCK_NO_FLAGS);
	if (IS_ERR(all_mappings))
		return PTR_ERR(all_mappings);
	workqueue = alloc_workqueue("penstock_p2p", WQ_UNBOUND, 0);
	if (!workqueue)
		goto put_file;
	error = bus_register_notifier(&pci_bus_type, &bus_events);
	if (error)
		goto destroy_workqueue;
	error = misc_register(&p2p_device);
	if (!error)
		return 0;
	bus_unregister_notifier(&pci_bus_type, &bus_events);
destroy_workqueue:
	destroy_workqueue(workqueue);
put_file:
	fput(all_mappings);
	return error;
}

/* Reached only when no piece is registered, and so no window left: each holds the module. */
static void __exit p2p_exit(void)
{
	misc_deregister(&p2p_device);
	bus_unregister_notifier(&pci_bus_type, &bus_events);
	destroy_workqueue(workqueue);
	fput(all_mappings);
}

module_init(p2p_init);
module_exit(p2p_exit);

MODULE_DESCRIPTION("Windows of a PCI device's memory that direct I/O can reach");
MODULE_AUTHOR("The Penstock authors");
MODULE_LICENSE("GPL");
PENSTOCK_IMPORT_NS(DMA_BUF);
