//go:build linux && (amd64 || arm64)

package probe

import (
	"hash/crc32"
	"testing"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// summed are lengths of what is written, in one or two stretches.
var summed = [][]int{{1}, {256}, {257}, {300}, {4095}, {4096}, {4097}, {8191}, {8192}, {8193}, {300, 1}, {1, 300}, {3000, 5001}, {4096, 4096}, {100, 100, 100}}

// stretches are as many different bytes as the lengths say.
func stretches(lengths []int) (all [][]byte) {
	for k, n := range lengths {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i*i>>3 + 7*k + n)
		}
		all = append(all, b)
	}
	return all
}

func init() {
	actors["sums"] = func([]string) {
		fd, err := unix.Open("f", unix.O_RDWR|unix.O_CREAT, 0o600)
		if err != nil {
			panic(err)
		}
		for _, lengths := range summed {
			if b := stretches(lengths); len(b) == 1 {
				_, err = unix.Write(fd, b[0])
			} else {
				_, err = unix.Writev(fd, b)
			}
			if err != nil {
				panic(err)
			}
		}
	}
}

// Of what is longer than what is kept of it, the kernel programs tell the sum, which is that of package op.
func TestSums(t *testing.T) {
	cmd, release := actor(t, "sums")
	p := watchHere(t, Options{Trees: []int{cmd.Process.Pid}})
	release()
	p.Stop()
	n := 0
	for _, r := range rest(t, p) {
		if r.What != trace.Returned || r.Op.Kind != op.Write || r.Op.File.Type != op.Regular {
			continue
		}
		if n == len(summed) {
			t.Fatalf("%v was not asked for", r.Op)
		}
		var want uint32
		length := 0
		for _, b := range stretches(summed[n]) {
			want = crc32.Update(want, crc32.MakeTable(crc32.Castagnoli), b)
			length += len(b)
		}
		if length > 8192 || len(summed[n]) > 2 && length > 256 {
			want = 0
		}
		if r.Op.Ret != int64(length) || r.Op.Sum != want {
			t.Errorf("%v: %d bytes, sum %#x, want %#x", summed[n], r.Op.Ret, r.Op.Sum, want)
		}
		n++
	}
	if n != len(summed) {
		t.Errorf("%d writes were told, want %d", n, len(summed))
	}
}
