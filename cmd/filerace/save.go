package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filerace/internal/hunt"
	"filerace/internal/trace/saved"
)

// saveRace writes a .race file named after the object into dir. A file that is
// there already is never overwritten, unless it holds the same.
func saveRace(dir string, s *hunt.Saved) (string, error) {
	_, object, _ := strings.Cut(s.Key, " ")
	base := slug(filepath.Base(object))
	if base == "" {
		base = s.Rule
	}
	rel := *s
	rel.Dir = "."
	if r, err := filepath.Rel(dir, s.Fresh); err == nil && s.Fresh != "" && !strings.HasPrefix(r, "..") {
		rel.Fresh = r
	}
	var text bytes.Buffer
	if _, err := rel.WriteTo(&text); err != nil {
		return "", err
	}
	for n := 1; n < 1000; n++ {
		name := base + ".race"
		if n > 1 {
			name = fmt.Sprintf("%s-%d.race", base, n)
		}
		path := filepath.Join(dir, name)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text.Bytes()) {
			return name, nil
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(text.Bytes())
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(path)
			return "", err
		}
		return name, nil
	}
	return "", errors.New("too many .race files of that name")
}

// slug makes a file name of a file name.
func slug(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_':
			return r
		}
		return '-'
	}, s)
	return strings.Trim(s, "-")
}

// loadRace reads a .race file. Its directories are relative to the file's own.
func loadRace(path string) (*hunt.Saved, error) {
	const do = "give the name of a file that `filerace hunt` has saved"
	f, err := os.Open(path)
	if err != nil {
		return nil, &remedied{err, do}
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		if strings.HasSuffix(filepath.Clean(path), saved.Suffix) {
			return nil, &remedied{fmt.Errorf("%s is a recorded run, which cannot be replayed", path), "`filerace explain " + path + "` reads it; to replay, " + do}
		}
		return nil, &remedied{fmt.Errorf("%s is a directory", path), do}
	}
	s, err := hunt.ReadSaved(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	home, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	s.Dir = filepath.Join(home, s.Dir)
	if s.Fresh != "" && !filepath.IsAbs(s.Fresh) {
		s.Fresh = filepath.Join(home, s.Fresh)
	}
	return s, nil
}
