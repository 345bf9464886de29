// Package probe watches a running system by eBPF and hands what it sees on as records
// (trace.Source). It holds nothing up, judges nothing, and needs nothing restarted.
//
// # What is watched
//
// Two programs on the raw system call tracepoints see every call that the table of package op
// describes. At the entry the arguments and the descriptor's file are kept with the thread (task
// storage); one event is written when the call returns, with both times, the result, the paths and
// structures as they are in the process's memory then, the beginning of what was written to a
// regular file (256 bytes), and what the kernel's own structures say of the files. A call
// that does not return writes none. Four more programs tell of births, execs, ends and
// signals. Filters are decided in the kernel (Options). 32-bit programs are not watched: their
// call numbers are others. Operations of io_uring and accesses to mapped memory are no
// calls, and are not seen.
//
// When the watching begins, iterators tell which processes there are and what they have open. What a
// process did before its descriptors were read is left out.
//
// # How identity is told
//
// A file is its file system's device, its inode number and its generation, read from the
// inode: not what stat(2) says where that differs (btrfs, overlayfs). A descriptor's file is read at the
// entry, its size, link count and offset again at the return, if it still leads there. Which file a name led to
// that a call removes, replaces or makes is seen by functions attached to the security hooks of the
// kernel, under the directory's lock; where they cannot be attached (Probe.Hooks), it is derived from the
// names' history. Names that were seen so are marked (op.Name.Seen). They attach where the kernel traces functions for programs: on amd64 in
// Linux 5.15, on arm64 not in 6.1 but in 6.12. Where an open went is read from what it returned; a name that differs from the
// one asked for was reached by a symbolic link, and is left open.
//
// # Which kernel
//
// Linux 5.15 or later on amd64 or arm64, with BTF; CAP_BPF and CAP_PERFMON, or root. What is
// missing is told as Unavailable. Since Linux 6.2 the kernel's structures are read by plain loads
// (bpf_rdonly_cast), before by a call of a kernel helper for each field.
//
// # What is lost when
//
// Events go through one ring of Options.RingSize bytes. When it is full, or a program meets another one
// at work on its processor, the event is lost and counted; a gap is put among the records before the
// next event of that processor, or when the ring has run empty. A thread of its own does nothing but copy
// the ring into a backlog in memory (a 32nd of what is available, 256 MiB at most), where a burst waits
// until Next is called; only when that is full, too, does the ring fill. So that the reader keeps up on a busy machine,
// it takes precedence (nice -15, that thread -19) over other processes while it watches, if it may. After a gap nothing may be concluded from what is not
// there. Memory that cannot be read at the return without waiting for a page is left out of
// the event. A thread for which there is no memory loses its call, and that is counted, too.
package probe
