package hunt

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// copyTree copies a directory with modes, times and symbolic links. Sockets and
// devices are left out; a FIFO is made anew.
func copyTree(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return errors.Unwrap(err)
	}
	if !info.IsDir() {
		return errors.New("it is not a directory")
	}
	from, err = filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	type stamp struct {
		path string
		info fs.FileInfo
	}
	var dirs []stamp // their times and modes come last: filling them changes both
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			dirs = append(dirs, stamp{dst, info})
			return os.Mkdir(dst, 0o700)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, dst)
		case info.Mode().IsRegular():
			return copyFile(path, dst, info)
		case info.Mode()&fs.ModeNamedPipe != 0:
			return makeFIFO(dst, uint32(info.Mode().Perm()))
		}
		return nil
	})
	for i := len(dirs) - 1; i >= 0 && err == nil; i-- {
		err = restore(dirs[i].path, dirs[i].info)
	}
	return err
}

func copyFile(from, to string, info fs.FileInfo) (err error) {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil { // a reflink where the file system has them
		w.Close()
		return fmt.Errorf("copy %s: %w", from, err)
	}
	if err := w.Close(); err != nil {
		return err
	}
	return restore(to, info)
}

func restore(path string, info fs.FileInfo) error {
	if err := os.Chmod(path, info.Mode().Perm()|info.Mode()&(fs.ModeSetgid|fs.ModeSticky)); err != nil {
		return err
	}
	return os.Chtimes(path, time.Now(), info.ModTime())
}

// clear removes a run's directory, whatever modes the program gave to what is in it.
func (b *bench) clear(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the run's directory: %w", err)
	}
	return nil
}
