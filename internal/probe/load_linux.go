//go:build linux && (amd64 || arm64)

package probe

import (
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// hookPrograms see the names that calls change. They need the kernel's function
// tracing; where that is missing, the names' history tells as much as it can.
var hookPrograms = []string{
	objectProgUnlinks, objectProgRemoves, objectProgRenames, objectProgLinks,
	objectProgMakes, objectProgSymlinks, objectProgNodes, objectProgLooks,
}

// What the kernel is asked for; tests put in what a kernel that lacks it says.
var (
	kernelTypes   = btf.LoadKernelSpec
	newCollection = ebpf.NewCollection
)

// load loads the programs that watching cannot do without.
func load(opt *Options) (*ebpf.Collection, error) {
	if err := privileged(); err != nil {
		return nil, err
	}
	if _, err := kernelTypes(); err != nil {
		return nil, &Unavailable{Feature: "the kernel has no type information (BTF)", Least: leastKernel, Err: err,
			Hint: "use --with ptrace, or a kernel built with CONFIG_DEBUG_INFO_BTF"}
	}
	spec, err := loadObject()
	if err != nil {
		return nil, fmt.Errorf("read the kernel programs: %w", err)
	}
	for _, name := range hookPrograms {
		delete(spec.Programs, name)
	}
	if err := configure(spec, opt); err != nil {
		return nil, err
	}
	coll, err := newCollection(spec)
	if err != nil {
		return nil, explain("load the kernel programs", err)
	}
	return coll, nil
}

// privileged asks for the capabilities first: without them the kernel's answers
// to the loader look like those of a kernel that lacks the features.
func privileged() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return nil // then loading tells
	}
	has := func(c int) bool { return sets[c/32].Effective>>(c%32)&1 != 0 }
	if has(unix.CAP_SYS_ADMIN) || has(unix.CAP_BPF) && has(unix.CAP_PERFMON) {
		return nil
	}
	return unprivileged(nil)
}

func unprivileged(err error) error {
	return &Unavailable{Feature: "the privilege to load kernel programs is missing", Err: err,
		Hint: "run as root, or give the program CAP_BPF and CAP_PERFMON (setcap cap_bpf,cap_perfmon+ep); in a container --privileged, or --cap-add=BPF --cap-add=PERFMON"}
}

// neverCast has the programs read fields as kernels before 6.2 must; for tests.
var neverCast bool

// configure sets the plans, the filters and the ring's size.
func configure(spec *ebpf.CollectionSpec, opt *Options) error {
	size := opt.RingSize
	if size == 0 {
		size = ringSize(room())
	}
	spec.Maps[objectMapEvents].MaxEntries = uint32(min(size, math.MaxUint32))
	set := map[string]any{
		objectVarPlans:      plans(op.Native, opt.wants),
		objectVarCrcs:       crcs(),
		objectVarWakeAt:     uint64(size / 2),
		objectVarNeverCast:  neverCast,
		objectVarOnlyMarked: len(opt.Trees)+len(opt.PIDs) > 0,
		objectVarOnlyUid:    opt.UID != nil,
		objectVarOnlyComm:   len(opt.Names) > 0,
		objectVarOnlyCgroup: opt.Cgroup != "",
		objectVarNoIdle:     opt.NoIdle,
	}
	if opt.UID != nil {
		set[objectVarUidWanted] = uint32(*opt.UID)
	}
	var starts [2 * prefixesMax]prefix
	for i, text := range opt.prefixes() {
		starts[i].Len = uint32(copy(starts[i].Text[:], text))
	}
	set[objectVarPrefixes], set[objectVarPrefixCount] = starts, uint32(len(opt.prefixes()))
	var comms [namesMax][nameMax + 1]byte
	for i, n := range opt.Names {
		copy(comms[i][:], n)
	}
	set[objectVarComms] = comms
	if opt.Cgroup != "" {
		id, level, err := cgroup(opt.Cgroup)
		if err != nil {
			return err
		}
		set[objectVarCgroupWanted], set[objectVarCgroupLevel] = id, level
	}
	for name, value := range set {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s of the kernel programs: %w", name, err)
		}
	}
	return nil
}

// crcs are the tables of sum.bpf.h.
func crcs() (all [8][256]uint32) {
	all[0] = *crc32.MakeTable(crc32.Castagnoli)
	for k := 1; k < len(all); k++ {
		for i, crc := range all[k-1] {
			all[k][i] = all[0][crc&0xff] ^ crc>>8
		}
	}
	return all
}

// prefix is the layout of struct prefix in under.bpf.h.
type prefix struct {
	Len  uint32
	Text [PrefixMax]byte
}

// magicCgroup2 is the type of the cgroup v2 file system.
const magicCgroup2 = 0x63677270

// cgroup returns the id of a cgroup and how deep it lies below the root. On 64-bit
// systems its directory's inode number is its id (kernfs).
func cgroup(dir string) (id uint64, level uint32, err error) {
	dir, err = filepath.EvalSymlinks(dir)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	var fs unix.Statfs_t
	if err == nil {
		err = unix.Statfs(dir, &fs)
	}
	var st unix.Stat_t
	if err == nil {
		err = unix.Stat(dir, &st)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("watch a cgroup: %s: %w", dir, err)
	}
	if fs.Type != magicCgroup2 {
		return 0, 0, fmt.Errorf("watch a cgroup: %s is not a directory of cgroup v2", dir)
	}
	for up := dir; up != "/"; level++ {
		up = filepath.Dir(up)
		if unix.Statfs(up, &fs) != nil || fs.Type != magicCgroup2 {
			break
		}
	}
	return st.Ino, level, nil
}

// constants is the section of what configure sets, which the hooks need, too: they read
// files the same way.
const constants = ".rodata"

// attachHooks attaches what sees names change, if the kernel lets it. They are a collection
// of their own, since a kernel that traces no functions refuses to load them.
func (p *Probe) attachHooks() error {
	spec, err := loadObject()
	if err != nil {
		return err
	}
	maps.DeleteFunc(spec.Programs, func(name string, _ *ebpf.ProgramSpec) bool { return !slices.Contains(hookPrograms, name) })
	maps.DeleteFunc(spec.Maps, func(name string, _ *ebpf.MapSpec) bool { return name != objectMapCalls && name != constants })
	maps.DeleteFunc(spec.Variables, func(_ string, v *ebpf.VariableSpec) bool { return v.SectionName != constants })
	if err := spec.Variables[objectVarNeverCast].Set(neverCast); err != nil {
		return err
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		MapReplacements: map[string]*ebpf.Map{objectMapCalls: p.coll.Maps[objectMapCalls]},
	})
	if err != nil {
		return fmt.Errorf("load the hooks: %w", err)
	}
	defer coll.Close() // the links hold the programs
	for _, name := range hookPrograms {
		l, err := link.AttachTracing(link.TracingOptions{Program: coll.Programs[name]})
		if err != nil {
			return fmt.Errorf("attach the hook %s: %w", name, err)
		}
		p.links = append(p.links, l)
	}
	return nil
}

// explain makes of what the kernel said what is missing and what to do.
func explain(doing string, err error) error {
	said := fmt.Errorf("%s: %w", doing, err)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES) && os.Geteuid() != 0:
		return unprivileged(said)
	case errors.Is(err, unix.ENOMEM), errors.Is(err, unix.E2BIG) && strings.Contains(err.Error(), "map"):
		return &Unavailable{Feature: "there is no memory for the ring of events", Err: said,
			Hint: "make the ring smaller, or raise the memory limit of this cgroup"}
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, btf.ErrNotFound):
		return &Unavailable{Feature: "the kernel lacks tracing programs with BTF, task storage or ring buffers", Least: leastKernel, Err: said,
			Hint: "use --with ptrace, or a kernel built with CONFIG_BPF_SYSCALL, CONFIG_BPF_EVENTS and CONFIG_DEBUG_INFO_BTF"}
	}
	return said
}
