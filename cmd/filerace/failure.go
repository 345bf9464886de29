package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"filerace/internal/hunt"
	"filerace/internal/trace/saved"
)

// wrong reports wrong usage.
func wrong(c *console, name, text string) int {
	fmt.Fprintf(c.err, "filerace %s: %s\n", name, text)
	fmt.Fprintf(c.err, "filerace %s: `filerace help %s` tells how it is used\n", name, name)
	return exitUsage
}

// failed reports that the work could not be done: a line why, and one what to do.
func failed(c *console, name string, err error) int {
	fmt.Fprintf(c.err, "filerace %s: %v\n", name, err)
	fmt.Fprintf(c.err, "filerace %s: %s\n", name, remedy(err))
	return exitFail
}

// remedied is an error from where it is known what to do about it.
type remedied struct {
	error
	do string
}

func (e *remedied) Unwrap() error { return e.error }

// remedies are what to do about runs that could not be carried out, by hunt.RunError.Kind.
var remedies = map[string]string{
	"ptrace":  "allow ptrace: sysctl kernel.yama.ptrace_scope=1, or in a container --cap-add=SYS_PTRACE or a seccomp profile that allows it; `filerace doctor` tells more",
	"seccomp": "the kernel needs CONFIG_SECCOMP_FILTER; `filerace doctor` tells more",
	"inside":  "run as root (CAP_SYS_ADMIN), on a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS, or leave --inside out: then an open is one step",
	"setup":   "the command given with --setup must end with status 0 before every run",
	"fresh":   "--fresh takes a directory whose files can all be read; each run gets a copy of it",
	"start":   "give the command after -- as you would type it; for a line with pipes or &&: -- sh -c 'LINE'",
	"record":  "give --record a name in a directory that you can write, on a disk with room",
	"scratch": "runs keep their files under TMPDIR: make room there, or set TMPDIR to another directory",
}

// remedy says what to do about an error.
func remedy(err error) string {
	var known *remedied
	if errors.As(err, &known) {
		return known.do
	}
	var recording *saved.Error
	if errors.As(err, &recording) {
		return recording.Do()
	}
	var run *hunt.RunError
	isRun := errors.As(err, &run)
	if strings.Contains(err.Error(), syscall.ENOSPC.Error()) && !(isRun && run.Kind == "record") { // perhaps a worker's, which comes as text
		return "make room on the disk, or set TMPDIR to a directory on another one"
	}
	if isRun && remedies[run.Kind] != "" {
		return remedies[run.Kind]
	}
	switch {
	case errors.Is(err, hunt.ErrPlainFailed):
		return "mend the command first, or hunt all the same with --keep-going"
	case errors.Is(err, hunt.ErrSaved):
		return "give a file as `filerace hunt` saved it, or hunt again"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return "set TMPDIR to a directory that you can write"
	}
	return "`filerace doctor` tells what works here and what to do about what does not"
}

// interrupted reports that the user or the system ended the work.
func interrupted(c *console, name string) int {
	fmt.Fprintf(c.err, "filerace %s: interrupted\n", name)
	return exitFail
}
