//go:build unix

// Command hunted uses one primitive of safefile in the current directory, for hunts with
// several of it at once:
//
//	filerace hunt --fresh empty --copies 3 -- ./hunted lock
//
// Built with -tags safefile_norevalidation, the primitives do not look whether they
// have the right file, and hunts find what comes of it. The exit status is 1 if something went wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"filerace/safefile"
)

var ctx = context.Background()

var primitives = map[string]func() error{
	"lock":   func() error { return guarded(safefile.Lock(ctx, "lock")) },
	"bare":   func() error { return guarded(safefile.Lock(ctx, "lock", safefile.Bare())) },
	"remove": func() error { return guarded(safefile.Lock(ctx, "lock", safefile.RemoveAfter())) },
	"remove-bare": func() error {
		return guarded(safefile.Lock(ctx, "lock", safefile.RemoveAfter(), safefile.Bare()))
	},
	"owner":   func() error { return guarded(safefile.Lock(ctx, "lock", safefile.WithOwner())) },
	"trylock": func() error { return unless(safefile.ErrLocked, guarded)(safefile.TryLock("lock")) },
	"rlock":   readers,
	"range": func() error {
		if err := touch("data"); err != nil {
			return err
		}
		return guarded(safefile.LockRange(ctx, "data", safefile.Range{Length: 8}))
	},
	"write": func() error {
		if err := safefile.WriteFile("file", []byte(strings.Repeat("x", 100))); err != nil {
			return err
		}
		_, err := safefile.ReadFile(ctx, "file")
		return err
	},
	"read": func() error {
		_, err := safefile.ReadFile(ctx, "file")
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	},
	"exclusive": func() error {
		err := safefile.CreateExclusive("file", []byte("mine"))
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	},
	"update": func() error {
		return safefile.Update(ctx, "sum", func(old []byte) ([]byte, error) {
			n, _ := strconv.Atoi(string(old))
			return strconv.AppendInt(nil, int64(n+1), 10), nil
		})
	},
	"append": func() error { return safefile.Append("log", fmt.Appendf(nil, "%d\n", os.Getpid()), safefile.Framed()) },
	"openlive": func() error {
		return replaceAndRead(func() (*os.File, func() error, error) {
			f, err := safefile.OpenLive("file", os.O_RDWR|os.O_CREATE, 0o666)
			return f, f.Close, err
		})
	},
	"lease": func() error {
		return replaceAndRead(func() (*os.File, func() error, error) {
			l, err := safefile.Lease("file", true)
			if err != nil {
				return nil, nil, err
			}
			return l.File(), l.Close, nil
		})
	},
	"pidfile": func() error {
		return unless(safefile.ErrLocked, func(remove func() error, err error) error { return errors.Join(err, remove()) })(safefile.PIDFile("pid"))
	},
	"trees": func() error {
		return errors.Join(safefile.MkdirAll(ctx, "a/b/c", 0o777), safefile.RemoveAll(ctx, "a"))
	},
}

// replace is what a stranger does to the lock file. mv(1) looks at the name before it renames, and os.Rename
// too: that is a race of their own.
const replace = "replace"

func replaceLock() error {
	if err := syscall.Rename("x", "lock"); err != syscall.ENOENT {
		return err
	}
	return nil
}

// guarded adds one to a counter in place, which is only right under a lock.
func guarded(unlock func() error, err error) error {
	if err != nil {
		return err
	}
	old, err := os.ReadFile("counter")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n, _ := strconv.Atoi(string(old))
	return errors.Join(os.WriteFile("counter", strconv.AppendInt(nil, int64(n+1), 10), 0o666), unlock())
}

// unless passes over one error.
func unless(but error, f func(func() error, error) error) func(func() error, error) error {
	return func(unlock func() error, err error) error {
		if errors.Is(err, but) {
			return nil
		}
		if err != nil {
			return err
		}
		return f(unlock, nil)
	}
}

func readers() error {
	unlock, err := safefile.RLock(ctx, "lock")
	if err != nil {
		return err
	}
	_, err = os.ReadFile("counter")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err := errors.Join(err, unlock()); err != nil {
		return err
	}
	return guarded(safefile.Lock(ctx, "lock"))
}

// replaceAndRead replaces a file and reads the one that is there then.
func replaceAndRead(open func() (f *os.File, done func() error, err error)) error {
	if err := safefile.WriteFile("file", []byte("content"), safefile.NoSync()); err != nil {
		return err
	}
	f, done, err := open()
	if errors.Is(err, safefile.ErrLocked) {
		return nil // somebody else has it open for writing
	}
	if err != nil {
		return err
	}
	data, err := io.ReadAll(f)
	if err == nil && string(data) != "content" {
		err = fmt.Errorf("read %q", data)
	}
	return errors.Join(err, done())
}

func touch(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	return f.Close()
}

func main() {
	names := make([]string, 0, len(primitives))
	for name := range primitives {
		names = append(names, name)
	}
	slices.Sort(names)
	use := primitives[os.Args[len(os.Args)-1]]
	switch {
	case len(os.Args) == 2 && os.Args[1] == replace:
		use = replaceLock
	case len(os.Args) != 2 || use == nil:
		fmt.Println(strings.Join(names, "\n"))
		os.Exit(2)
	}
	if err := use(); err != nil {
		fmt.Fprintln(os.Stderr, "hunted:", err)
		os.Exit(1)
	}
}
