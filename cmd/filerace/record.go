package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"filerace/internal/trace/saved"
)

// recordDir is the directory for --record NAME, "" for none. One that is there is
// refused before the work begins: nothing that the user has is overwritten.
func recordDir(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	dir, err := filepath.Abs(saved.Name(name))
	if err != nil {
		return "", fmt.Errorf("find the current directory: %w", err)
	}
	if _, err := os.Lstat(dir); err == nil {
		return "", &saved.Error{File: saved.Name(name), Kind: saved.ErrExists}
	}
	if info, err := os.Stat(filepath.Dir(dir)); err != nil || !info.IsDir() {
		return "", &remedied{fmt.Errorf("record to %s: no directory %s", saved.Name(name), filepath.Dir(dir)), "make that directory first"}
	}
	if err := unix.Access(filepath.Dir(dir), unix.W_OK); err != nil {
		return "", &remedied{fmt.Errorf("record to %s: %w", saved.Name(name), err), remedies["record"]}
	}
	return dir, nil
}

// recordFailed is the error of a recording that is not complete, from its text.
func recordFailed(text string) error {
	return &remedied{errors.New(text), (&saved.Error{Kind: saved.ErrWrite}).Do()}
}
