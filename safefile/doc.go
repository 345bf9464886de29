// Package safefile has the operations on files that go wrong when several processes
// do them at once, done right: locks, whole-file writes, updates, appends, reads of
// files that are being replaced, leases, PID files, directory trees.
//
// It needs the standard library and golang.org/x/sys only. It is tried on Linux and builds for macOS, FreeBSD,
// NetBSD, OpenBSD and DragonFly BSD. Each doc comment says what is guaranteed, what it costs, what can still go
// wrong, and in parentheses on which test of `filerace litmus` it stands.
//
//	unlock, err := safefile.Lock(ctx, "app.lock")
//	if err != nil {
//		return err
//	}
//	defer unlock()
//
// # Which one
//
//	one at a time                        Lock, TryLock; RLock for readers
//	one at a time in a part of a file    LockRange
//	only one instance of a program       PIDFile
//	change a file by what is in it       Update
//	replace a file                       WriteFile, Create and Commit
//	be the one who creates it            CreateExclusive
//	add to a log                         Append, with Framed if torn records matter
//	read what others replace             ReadFile; OpenLive for a descriptor
//	be told before others open a file    Lease
//	make or remove a tree                MkdirAll, RemoveAll
//
// # Files that stand beside
//
// Hidden files are made beside the file that is worked on, in the same directory:
//
//	.NAME.anchor      a second name of the lock file NAME, which keeps the lock one lock when NAME is
//	                  deleted while it is held. It stays when the lock is given up, as NAME does;
//	                  Remove deletes both. Lock with Bare if it is not wanted
//	.NAME.lock        the lock of Update for the file NAME (and its anchor)
//	.NAME.temp-0 …    files that are being written; those of killed writers go with
//	                  the next write of NAME
//
// Whoever deletes lock file and anchor while the lock is held lets a second one in: that is beyond any
// lock on files. Remove and RemoveAfter delete both in the right way, and on Linux no file that a stranger
// puts in the place of NAME meanwhile: it may be away for a moment, and is then back. Elsewhere, and on file
// systems that cannot rename without replacing, such a file can be deleted instead; the lock stays exclusive all the same.
//
// Where the anchor cannot be made, the lock is as with Bare (see Lock): in directories that the caller may not
// write, for other users' files that must not be linked, and on file systems without hard links.
//
// A lock file should be a file of its own. Locking a data file that is
// replaced works, and Bare then saves the anchor, which would keep the old content on the disk.
//
// In directories that strangers may write to, such as /tmp, others can hold any lock
// and take any name first. Nothing is written through their links, but they can
// keep everybody out.
//
// # Errors
//
// Every error is a *fs.PathError that wraps the system's errno or one of the errors of
// this package, except what the function given to Update returns. ctx.Err is wrapped when a wait
// was ended.
//
// # NFS
//
// Locks on NFS go to the server, and are lost if it forgets them; without a lock daemon they fail with
// ENOLCK. O_APPEND does not exist there. Temporary files of the dead are not recognised
// where locks fail, and stay.
//
// # Crashes
//
// A process may be killed at any point: its locks end with it, and what it was
// writing is not seen. When the machine crashes, what was reported as done is there, unless NoSync
// was given; Append never syncs.
package safefile
