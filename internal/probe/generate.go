package probe

// The objects are built by clang 14 of Debian 12; .ci/run builds them again and
// compares. -mcpu=v3 needs Linux 5.10.
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang -strip llvm-strip -target amd64,arm64 -no-global-types -cflags "-O2 -g -Wall -Werror -mcpu=v3 -fdebug-prefix-map=/=. -ffile-prefix-map=/=." object probe.bpf.c
