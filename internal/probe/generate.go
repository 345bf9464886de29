package probe

// The objects are built by clang 14 of Debian 12; .ci/run builds them again and
// compares. -mcpu=v3 needs Linux 5.10. clang may lay the blocks of a loop out so that its
// head is fallen into from its end, which old verifiers refuse (loops_linux_test.go):
// -disable-block-placement leaves them in the order of the source.
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang -strip llvm-strip -target amd64,arm64 -no-global-types -cflags "-O2 -g -Wall -Werror -mcpu=v3 -mllvm -disable-block-placement -fdebug-prefix-map=/=. -ffile-prefix-map=/=." object probe.bpf.c
