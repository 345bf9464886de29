//go:build !linux

package hunt

import "syscall"

func becomeReaper() {}

func workerAttributes() *syscall.SysProcAttr { return nil }
