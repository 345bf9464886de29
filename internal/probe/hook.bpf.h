/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the security hooks see of a name that is about to change, while its directory
 * is locked. Of a call that is tried again (ESTALE, a delegation that was broken) the last
 * time counts, but overlayfs calls them again for the file system below, which does not.
 * These programs can be preempted, and so keep what they see with the thread. */

INLINE struct pending *hooked(struct inode *dir)
{
	struct pending *p = storage_get(&calls, current_task(), NULL, 0);
	struct object o = {};

	if (!p || !p->active)
		return NULL;
	if (p->hooked) {
		read_object(&o, dir);
		if (o.dev != p->entry[0].dir.dev)
			return NULL;
	}
	return p;
}

INLINE void see(struct pending *p, int k, struct inode *dir, struct dentry *d, bool fresh)
{
	read_object(&p->entry[k].dir, dir);
	p->entry[k].object.known = 0;
	if (!fresh)
		read_object(&p->entry[k].object, d->d_inode);
	p->fresh[k] = fresh ? (u64)d : 0;
	p->hooked = k + 1;
}

SEC("fentry/security_inode_unlink")
int unlinks(u64 *ctx)
{
	struct pending *p = hooked((void *)ctx[0]);
	if (p)
		see(p, 0, (void *)ctx[0], (void *)ctx[1], 0);
	return 0;
}

SEC("fentry/security_inode_rmdir")
int removes(u64 *ctx)
{
	struct pending *p = hooked((void *)ctx[0]);
	if (p)
		see(p, 0, (void *)ctx[0], (void *)ctx[1], 0);
	return 0;
}

SEC("fentry/security_inode_rename")
int renames(u64 *ctx)
{
	struct pending *p = hooked((void *)ctx[0]);
	if (p) {
		see(p, 0, (void *)ctx[0], (void *)ctx[1], 0);
		see(p, 1, (void *)ctx[2], (void *)ctx[3], 0);
	}
	return 0;
}

SEC("fentry/security_inode_link")
int links(u64 *ctx)
{
	struct pending *p = hooked((void *)ctx[1]);
	if (p) {
		struct dentry *d = (void *)ctx[0];
		see(p, 0, d->d_parent->d_inode, d, 0);
		see(p, 1, (void *)ctx[1], (void *)ctx[2], 1);
	}
	return 0;
}

SEC("fentry/security_inode_mkdir")
int makes(u64 *ctx)
{
	struct pending *p = hooked((void *)ctx[0]);
	if (p)
		see(p, 0, (void *)ctx[0], (void *)ctx[1], 1);
	return 0;
}

SEC("fentry/security_inode_symlink")
int symlinks(u64 *ctx)
{
	struct pending *p = hooked((void *)ctx[0]);
	if (p)
		see(p, 0, (void *)ctx[0], (void *)ctx[1], 1);
	return 0;
}

SEC("fentry/security_inode_mknod")
int nodes(u64 *ctx)
{
	struct pending *p = hooked((void *)ctx[0]);
	if (p)
		see(p, 0, (void *)ctx[0], (void *)ctx[1], 1);
	return 0;
}

SEC("fentry/security_inode_getattr")
int looks(u64 *ctx)
{
	struct path *path = (void *)ctx[0];
	struct pending *p = storage_get(&calls, current_task(), NULL, 0);

	if (p && p->active && !p->reached_known) {
		read_object(&p->reached, path->dentry->d_inode);
		p->reached_known = p->reached.known;
	}
	return 0;
}
