//go:build linux && (amd64 || arm64)

package probe

import (
	"bufio"
	"bytes"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// What is kept for a burst, in bytes. The ring is the kernel's memory and is there from the
// beginning; the backlog grows to its limit only if need be.
const (
	ringLeast, ringMost       = 4 << 20, 32 << 20
	backlogLeast, backlogMost = 8 << 20, 256 << 20
)

// ringSize is a power of two: at most a 128th of the memory, within the bounds.
func ringSize(memory uint64) int {
	n := min(max(memory/128, ringLeast), ringMost)
	return 1 << (bits.Len64(n) - 1)
}

// backlogSize is at most a 32nd of the memory, within the bounds.
func backlogSize(memory uint64) int {
	return int(min(max(memory/32, backlogLeast), backlogMost))
}

// room is how much memory there is for us, in bytes: what the system has available, and no
// more than our cgroup may have. The ring counts towards that, too. 0: not known.
func room() uint64 {
	least := available("/proc/meminfo")
	b, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(b)) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		for ; ok; path = filepath.Dir(path) {
			text, _ := os.ReadFile(filepath.Join("/sys/fs/cgroup", path, "memory.max"))
			if n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64); err == nil {
				least = min(least, n)
			}
			ok = path != "/" && path != "."
		}
	}
	return least
}

// available reads MemAvailable of proc_meminfo(5).
func available(meminfo string) uint64 {
	f, err := os.Open(meminfo)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			kib, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
