// SPDX-License-Identifier: GPL-2.0-only
/* A dma-buf over parts of a function's BARs, or over pages of the system's memory that stand for them. */
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/version.h>

#include "buffer.h"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif

#ifndef PENSTOCK_HAS_INVALIDATE_MAPPINGS
#define dma_buf_invalidate_mappings dma_buf_move_notify
#endif

struct mapping {
	struct sg_table sg_table;
	enum { SYSTEM_PAGES, BUS_ADDRESSES, RESOURCE } kind; /* what it was made as: the buffer's flags may have changed since */
};

static int buffer_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attachment)
{
	struct buffer *buffer = dma_buf->priv;

	if (buffer->flags & PENSTOCK_EXPORTER_REFUSE_PEERS)
		attachment->peer2peer = false;
	atomic_inc(&buffer->attachments);
	return 0;
}

static void buffer_detach(struct dma_buf *dma_buf, struct dma_buf_attachment *attachment)
{
	struct buffer *buffer = dma_buf->priv;

	atomic_dec(&buffer->attachments);
}

static int buffer_pin(struct dma_buf_attachment *attachment)
{
	struct buffer *buffer = attachment->dmabuf->priv;

	dma_resv_assert_held(attachment->dmabuf->resv);
	if (buffer->gone)
		return -ENODEV;
	if (buffer->flags & PENSTOCK_EXPORTER_FAIL_PIN)
		return buffer->error;
	atomic_inc(&buffer->pins);
	return 0;
}

static void buffer_unpin(struct dma_buf_attachment *attachment)
{
	struct buffer *buffer = attachment->dmabuf->priv;

	dma_resv_assert_held(attachment->dmabuf->resv);
	WARN(atomic_dec_return(&buffer->pins) < 0, "penstock_exporter: buffer %u unpinned too often\n", buffer->number);
}

static int take_pages(struct buffer *buffer)
{
	unsigned long i;

	if (buffer->pages)
		return 0;
	buffer->pages = kvcalloc(buffer->page_count, sizeof(*buffer->pages), GFP_KERNEL);
	if (!buffer->pages)
		return -ENOMEM;
	for (i = 0; i < buffer->page_count; i++) {
		buffer->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!buffer->pages[i])
			return -ENOMEM;
	}
	return 0;
}

static int map_pages(struct buffer *buffer, struct device *dev, struct mapping *mapping, enum dma_data_direction direction)
{
	int error = take_pages(buffer);

	if (error)
		return error;
	error = sg_alloc_table_from_pages(&mapping->sg_table, buffer->pages, buffer->page_count, 0,
					  buffer->page_count << PAGE_SHIFT, GFP_KERNEL);
	if (error)
		return error;
	mapping->kind = SYSTEM_PAGES;
	error = dma_map_sgtable(dev, &mapping->sg_table, direction, 0);
	if (error)
		sg_free_table(&mapping->sg_table);
	return error;
}

static void unmap_pieces(struct device *dev, struct mapping *mapping, enum dma_data_direction direction)
{
	struct scatterlist *segment;
	int i;

	for_each_sgtable_dma_sg(&mapping->sg_table, segment, i) {
		if (mapping->kind == RESOURCE && sg_dma_len(segment))
			dma_unmap_resource(dev, sg_dma_address(segment), sg_dma_len(segment), direction, 0);
	}
	sg_free_table(&mapping->sg_table);
}

/* One segment a piece; without pages, as what lies in a BAR has none. */
static int map_pieces(struct buffer *buffer, struct device *dev, struct mapping *mapping, enum dma_data_direction direction)
{
	struct scatterlist *segment;
	int i, error;

	error = sg_alloc_table(&mapping->sg_table, buffer->piece_count, GFP_KERNEL);
	if (error)
		return error;
	mapping->kind = buffer->flags & PENSTOCK_EXPORTER_BUS_ADDRESSES ? BUS_ADDRESSES : RESOURCE;
	for_each_sgtable_sg(&mapping->sg_table, segment, i) {
		const struct penstock_exporter_piece *piece = &buffer->piece[i];
		dma_addr_t address = pci_bus_address(buffer->pdev, piece->bar) + piece->offset;

		if (mapping->kind == RESOURCE) {
			address = dma_map_resource(dev, pci_resource_start(buffer->pdev, piece->bar) + piece->offset,
						   piece->length, direction, 0);
			if (dma_mapping_error(dev, address)) {
				unmap_pieces(dev, mapping, direction);
				return -EIO;
			}
		}
		sg_set_page(segment, NULL, piece->length, 0);
		sg_dma_address(segment) = address;
		sg_dma_len(segment) = piece->length;
	}
	return 0;
}

static struct sg_table *buffer_map(struct dma_buf_attachment *attachment, enum dma_data_direction direction)
{
	struct buffer *buffer = attachment->dmabuf->priv;
	struct mapping *mapping;
	int error;

	dma_resv_assert_held(attachment->dmabuf->resv);
	if (buffer->gone)
		return ERR_PTR(-ENODEV);
	if (buffer->flags & PENSTOCK_EXPORTER_FAIL_MAP)
		return ERR_PTR(buffer->error);
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	if (buffer->flags & PENSTOCK_EXPORTER_SYSTEM_MEMORY)
		error = map_pages(buffer, attachment->dev, mapping, direction);
	else
		error = map_pieces(buffer, attachment->dev, mapping, direction);
	if (error) {
		kfree(mapping);
		return ERR_PTR(error);
	}
	atomic_inc(&buffer->maps);
	atomic_inc(&buffer->maps_ever);
	if (buffer->flags & PENSTOCK_EXPORTER_MOVE_AT_ONCE)
		dma_buf_invalidate_mappings(attachment->dmabuf);
	return &mapping->sg_table;
}

static void buffer_unmap(struct dma_buf_attachment *attachment, struct sg_table *sg_table, enum dma_data_direction direction)
{
	struct mapping *mapping = container_of(sg_table, struct mapping, sg_table);
	struct buffer *buffer = attachment->dmabuf->priv;

	dma_resv_assert_held(attachment->dmabuf->resv);
	if (mapping->kind == SYSTEM_PAGES) {
		dma_unmap_sgtable(attachment->dev, sg_table, direction, 0);
		sg_free_table(sg_table);
	} else {
		unmap_pieces(attachment->dev, mapping, direction);
	}
	kfree(mapping);
	atomic_dec(&buffer->maps);
	wake_up_all(&buffer->unmapped);
}

static void buffer_free(struct buffer *buffer)
{
	unsigned long i;

	for (i = 0; buffer->pages && i < buffer->page_count && buffer->pages[i]; i++)
		__free_page(buffer->pages[i]);
	kvfree(buffer->pages);
	pci_dev_put(buffer->pdev);
	kfree(buffer);
}

static void buffer_release(struct dma_buf *dma_buf)
{
	struct buffer *buffer = dma_buf->priv;

	WARN(atomic_read(&buffer->pins) || atomic_read(&buffer->maps),
	     "penstock_exporter: buffer %u goes with %d pins and %d maps\n", buffer->number, atomic_read(&buffer->pins),
	     atomic_read(&buffer->maps));
	buffer_goes(buffer);
	buffer_free(buffer);
}

static const struct dma_buf_ops buffer_operations = {
	.attach = buffer_attach,
	.detach = buffer_detach,
	.pin = buffer_pin,
	.unpin = buffer_unpin,
	.map_dma_buf = buffer_map,
	.unmap_dma_buf = buffer_unmap,
	.release = buffer_release,
};

static bool is_piece(struct pci_dev *pdev, const struct penstock_exporter_piece *piece)
{
	if (piece->bar >= PCI_STD_NUM_BARS || piece->reserved || !(pci_resource_flags(pdev, piece->bar) & IORESOURCE_MEM))
		return false;
	return PAGE_ALIGNED(piece->offset) && PAGE_ALIGNED(piece->length) && piece->length && piece->length <= SZ_1G &&
	       piece->offset < pci_resource_len(pdev, piece->bar) &&
	       piece->length <= pci_resource_len(pdev, piece->bar) - piece->offset;
}

struct buffer *buffer_export(struct pci_dev *pdev, const struct penstock_exporter_create *create)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct buffer *buffer;
	struct dma_buf *dma_buf;
	u32 i;

	buffer = kzalloc(struct_size(buffer, piece, create->piece_count), GFP_KERNEL);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < create->piece_count; i++) {
		if (!is_piece(pdev, &create->piece[i])) {
			kfree(buffer);
			return ERR_PTR(-EINVAL);
		}
		buffer->piece[i] = create->piece[i];
		info.size += create->piece[i].length;
	}
	INIT_LIST_HEAD(&buffer->node);
	init_waitqueue_head(&buffer->unmapped);
	buffer->piece_count = create->piece_count;
	buffer->page_count = info.size >> PAGE_SHIFT;
	buffer->flags = create->flags;
	buffer->error = -(int)create->error;
	buffer->pdev = pci_dev_get(pdev);
	info.ops = &buffer_operations;
	info.flags = O_RDWR | O_CLOEXEC;
	info.priv = buffer;
	dma_buf = dma_buf_export(&info);
	if (IS_ERR(dma_buf)) {
		buffer_free(buffer);
		return ERR_CAST(dma_buf);
	}
	buffer->dma_buf = dma_buf;
	return buffer;
}

void buffer_behave(struct buffer *buffer, u32 flags, u32 error)
{
	dma_resv_lock(buffer->dma_buf->resv, NULL);
	buffer->flags = flags;
	buffer->error = -(int)error;
	dma_resv_unlock(buffer->dma_buf->resv);
}

int buffer_move(struct buffer *buffer, u32 timeout_ms)
{
	long left;

	dma_resv_lock(buffer->dma_buf->resv, NULL);
	dma_buf_invalidate_mappings(buffer->dma_buf);
	dma_resv_unlock(buffer->dma_buf->resv);
	left = wait_event_interruptible_timeout(buffer->unmapped, !atomic_read(&buffer->maps), msecs_to_jiffies(timeout_ms));
	return left < 0 ? -EINTR : left == 0 ? -ETIMEDOUT : 0;
}

void buffer_lose_function(struct buffer *buffer)
{
	int maps;

	dma_resv_lock(buffer->dma_buf->resv, NULL);
	buffer->gone = true;
	maps = atomic_read(&buffer->maps);
	dma_resv_unlock(buffer->dma_buf->resv);
	WARN(maps, "penstock_exporter: %s goes while buffer %u of it has %d maps\n", pci_name(buffer->pdev), buffer->number,
	     maps);
}
