// SPDX-License-Identifier: GPL-2.0-only
/*
 * penstock_exporter: a driver for tests, which does to importers of dma-bufs what a GPU's driver does. The device, its ioctls,
 * and the functions that it drives.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "buffer.h"

#define ALL_FLAGS 63u

static DEFINE_MUTEX(lock); /* the list; that a function keeps its driver */
static LIST_HEAD(buffers);
static u32 last_number;

static struct pci_driver exporter_driver;

void buffer_goes(struct buffer *buffer)
{
	mutex_lock(&lock);
	list_del_init(&buffer->node);
	mutex_unlock(&lock);
}

/* A reference to the file of a buffer, which may be about to go. Under the lock. */
static struct file *hold(struct buffer *buffer)
{
	return get_file_active(&buffer->dma_buf->file);
}

/* With a reference to its file, which the caller drops; NULL if there is none. */
static struct buffer *find(u32 number)
{
	struct buffer *buffer, *found = NULL;

	mutex_lock(&lock);
	list_for_each_entry(buffer, &buffers, node)
		if (buffer->number == number && hold(buffer))
			found = buffer;
	mutex_unlock(&lock);
	return found;
}

static int put_on_list(struct pci_dev *pdev, struct penstock_exporter_create *create, struct dma_buf **dma_buf)
{
	struct buffer *buffer;

	mutex_lock(&lock);
	buffer = pdev->driver == &exporter_driver ? buffer_export(pdev, create) : ERR_PTR(-ENODEV);
	if (!IS_ERR(buffer)) {
		create->buffer = buffer->number = ++last_number;
		*dma_buf = buffer->dma_buf;
		list_add_tail(&buffer->node, &buffers);
	}
	mutex_unlock(&lock);
	return PTR_ERR_OR_ZERO(buffer);
}

static int create_buffer(struct penstock_exporter_create *create)
{
	struct dma_buf *dma_buf;
	struct pci_dev *pdev;
	int error;

	if (create->flags & ~ALL_FLAGS || create->error > MAX_ERRNO || create->reserved || !create->piece_count ||
	    create->piece_count > PENSTOCK_EXPORTER_MAX_PIECES)
		return -EINVAL;
	pdev = pci_get_domain_bus_and_slot(create->domain, create->address >> 8, create->address & 0xff);
	if (!pdev)
		return -ENODEV;
	error = put_on_list(pdev, create, &dma_buf);
	pci_dev_put(pdev);
	if (error)
		return error;
	create->dma_buf = dma_buf_fd(dma_buf, O_CLOEXEC);
	if (create->dma_buf < 0) {
		dma_buf_put(dma_buf);
		return create->dma_buf;
	}
	return 0;
}

static int ioctl_create(void __user *argument)
{
	struct penstock_exporter_create *create = memdup_user(argument, sizeof(*create));
	int error;

	if (IS_ERR(create))
		return PTR_ERR(create);
	error = create_buffer(create);
	/* A descriptor that the program does not learn of is its own, and goes with it. */
	if (!error && copy_to_user(argument, create, sizeof(*create)))
		error = -EFAULT;
	kfree(create);
	return error;
}

static int ioctl_behave(void __user *argument)
{
	struct penstock_exporter_behave behave;
	struct buffer *buffer;

	if (copy_from_user(&behave, argument, sizeof(behave)))
		return -EFAULT;
	if (behave.flags & ~ALL_FLAGS || behave.error > MAX_ERRNO || behave.reserved)
		return -EINVAL;
	buffer = find(behave.buffer);
	if (!buffer)
		return -ENOENT;
	buffer_behave(buffer, behave.flags, behave.error);
	dma_buf_put(buffer->dma_buf);
	return 0;
}

static int ioctl_move(void __user *argument)
{
	struct penstock_exporter_move move;
	struct buffer *buffer;
	int error;

	if (copy_from_user(&move, argument, sizeof(move)))
		return -EFAULT;
	buffer = find(move.buffer);
	if (!buffer)
		return -ENOENT;
	error = buffer_move(buffer, move.timeout_ms);
	dma_buf_put(buffer->dma_buf);
	return error;
}

static int ioctl_count(void __user *argument)
{
	struct penstock_exporter_count count;
	struct buffer *buffer;
	u32 number;

	if (copy_from_user(&count, argument, sizeof(count)))
		return -EFAULT;
	number = count.buffer;
	count = (struct penstock_exporter_count){.buffer = number};
	mutex_lock(&lock);
	list_for_each_entry(buffer, &buffers, node) {
		if (number && number != buffer->number)
			continue;
		count.buffers++;
		count.attachments += atomic_read(&buffer->attachments);
		count.pins += atomic_read(&buffer->pins);
		count.maps += atomic_read(&buffer->maps);
		count.maps_ever += atomic_read(&buffer->maps_ever);
	}
	mutex_unlock(&lock);
	if (number && !count.buffers)
		return -ENOENT;
	return copy_to_user(argument, &count, sizeof(count)) ? -EFAULT : 0;
}

static long exporter_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case PENSTOCK_EXPORTER_CREATE:
		return ioctl_create((void __user *)argument);
	case PENSTOCK_EXPORTER_BEHAVE:
		return ioctl_behave((void __user *)argument);
	case PENSTOCK_EXPORTER_MOVE:
		return ioctl_move((void __user *)argument);
	case PENSTOCK_EXPORTER_COUNT:
		return ioctl_count((void __user *)argument);
	default:
		return -ENOTTY;
	}
}

static int exporter_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int error = pcim_enable_device(pdev);

	if (error)
		return error;
	pci_set_master(pdev);
	return dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
}

static void exporter_remove(struct pci_dev *pdev)
{
	struct buffer *buffer;

	mutex_lock(&lock);
	list_for_each_entry(buffer, &buffers, node) {
		if (buffer->pdev == pdev && hold(buffer)) {
			buffer_lose_function(buffer);
			dma_buf_put(buffer->dma_buf); /* the last reference ends later, when this task leaves the kernel */
		}
	}
	mutex_unlock(&lock);
}

/* No function is driven unasked. */
static struct pci_driver exporter_driver = {
	.name = "penstock_exporter",
	.probe = exporter_probe,
	.remove = exporter_remove,
};

static const struct file_operations exporter_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = exporter_ioctl,
};

static struct miscdevice exporter_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "penstock_exporter",
	.fops = &exporter_operations,
	.mode = 0600,
};

static int __init exporter_init(void)
{
	int error = pci_register_driver(&exporter_driver);

	if (error)
		return error;
	error = misc_register(&exporter_device);
	if (error)
		pci_unregister_driver(&exporter_driver);
	return error;
}

/* No buffer is left: each holds the module. */
static void __exit exporter_exit(void)
{
	misc_deregister(&exporter_device);
	pci_unregister_driver(&exporter_driver);
}

module_init(exporter_init);
module_exit(exporter_exit);
MODULE_DESCRIPTION("Exports dma-bufs over a PCI function's memory, for tests of importers");
MODULE_LICENSE("GPL");
