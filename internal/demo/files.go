package demo

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// layOut removes what an earlier run left behind and writes the files given, as
// pairs of name and content.
func layOut(leftovers []string, files ...string) error {
	for _, name := range leftovers {
		if err := remove(name); err != nil {
			return err
		}
	}
	for i := 0; i < len(files); i += 2 {
		if err := remove(files[i]); err != nil {
			return err
		}
		if err := os.WriteFile(files[i], []byte(files[i+1]), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a file or a tree that may not be there. Whether it was there shows
// in the result of one call alone, so that a schedule fits both.
func remove(name string) error {
	if err := unix.Unlink(name); err == nil || err == unix.ENOENT {
		return nil
	}
	return os.RemoveAll(name)
}

// lines puts what the actors said one below the other.
func lines(say []Answer) string {
	var b strings.Builder
	for i, a := range say {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(a.Actor + " " + a.Text)
	}
	return b.String()
}
