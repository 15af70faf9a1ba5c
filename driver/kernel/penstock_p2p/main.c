// SPDX-License-Identifier: GPL-2.0-only
/*
 * penstock_p2p: windows of a PCI function's memory that direct I/O can reach. The device, its ioctls and mappings, and what the
 * PCI bus tells of drivers that come and go.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "window.h"

/* An open file of the device. Each may have an address space of its own, if the device has several nodes. */
struct client {
	struct list_head node;
	struct file *file;
};

static DEFINE_MUTEX(clients_lock);
static LIST_HEAD(clients);

void unmap_everywhere(u64 offset, u64 length)
{
	struct client *client;

	mutex_lock(&clients_lock);
	list_for_each_entry(client, &clients, node)
		unmap_mapping_range(client->file->f_mapping, offset, length, 1);
	mutex_unlock(&clients_lock);
}

static int p2p_open(struct inode *inode, struct file *file)
{
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL);

	if (!client)
		return -ENOMEM;
	client->file = file;
	file->private_data = client;
	mutex_lock(&clients_lock);
	list_add(&client->node, &clients);
	mutex_unlock(&clients_lock);
	return 0;
}

static int p2p_close(struct inode *inode, struct file *file)
{
	struct client *client = file->private_data;

	mutex_lock(&clients_lock);
	list_del(&client->node);
	mutex_unlock(&clients_lock);
	kfree(client);
	return 0;
}

static long ioctl_reserve(void __user *argument)
{
	struct penstock_p2p_reserve request;
	int error;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	error = window_reserve(&request);
	/* A window whose number did not reach the caller is found by PENSTOCK_P2P_QUERY. */
	if (!error && copy_to_user(argument, &request, sizeof(request)))
		error = -EFAULT;
	return error;
}

static long ioctl_query(void __user *argument)
{
	struct penstock_p2p_query *query = memdup_user(argument, sizeof(*query));
	int error;

	if (IS_ERR(query))
		return PTR_ERR(query);
	error = window_query(query);
	if (!error && copy_to_user(argument, query, sizeof(*query)))
		error = -EFAULT;
	kfree(query);
	return error;
}

static long ioctl_export(struct penstock_p2p_export __user *argument)
{
	u32 number;
	int fd;

	if (get_user(number, &argument->window))
		return -EFAULT;
	fd = window_export(number);
	return fd < 0 ? fd : put_user(fd, &argument->dma_buf);
}

static long ioctl_release(void __user *argument)
{
	struct penstock_p2p_release request;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	return request.reserved ? -EINVAL : window_release(request.window);
}

static long p2p_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	void __user *at = (void __user *)argument;

	switch (command) {
	case PENSTOCK_P2P_GET_VERSION:
		return put_user(PENSTOCK_P2P_VERSION, (u32 __user *)at);
	case PENSTOCK_P2P_RESERVE:
		return ioctl_reserve(at);
	case PENSTOCK_P2P_QUERY:
		return ioctl_query(at);
	case PENSTOCK_P2P_EXPORT:
		return ioctl_export(at);
	case PENSTOCK_P2P_RELEASE:
		return ioctl_release(at);
	}
	return -ENOTTY;
}

static int p2p_mmap(struct file *file, struct vm_area_struct *vma)
{
	return window_mmap(vma);
}

static const struct file_operations p2p_operations = {
	.owner = THIS_MODULE,
	.open = p2p_open,
	.release = p2p_close,
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

static int bus_event(struct notifier_block *block, unsigned long event, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (event == BUS_NOTIFY_UNBIND_DRIVER)
		window_driver_leaves(pdev);
	else if (event == BUS_NOTIFY_UNBOUND_DRIVER)
		window_driver_left(pdev);
	return NOTIFY_DONE;
}

static struct notifier_block bus_events = {
	.notifier_call = bus_event,
};

static int __init p2p_init(void)
{
	int error = windows_init();

	if (error)
		return error;
	error = bus_register_notifier(&pci_bus_type, &bus_events);
	if (error)
		goto exit_windows;
	error = misc_register(&p2p_device);
	if (!error)
		return 0;
	bus_unregister_notifier(&pci_bus_type, &bus_events);
exit_windows:
	windows_exit();
	return error;
}

/* Reached only when no function is registered, and so no window left: each holds the module. */
static void __exit p2p_exit(void)
{
	misc_deregister(&p2p_device);
	bus_unregister_notifier(&pci_bus_type, &bus_events);
	windows_exit();
}

module_init(p2p_init);
module_exit(p2p_exit);

MODULE_DESCRIPTION("Windows of a PCI device's memory that direct I/O can reach");
MODULE_AUTHOR("The Penstock authors");
MODULE_LICENSE("GPL");
PENSTOCK_IMPORT_NS(DMA_BUF);
