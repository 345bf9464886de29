package demo

import (
	"os"
	"strings"
)

// layOut removes what an earlier run left behind and writes the files given, as
// pairs of name and content.
func layOut(leftovers []string, files ...string) error {
	for _, name := range leftovers {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	for i := 0; i < len(files); i += 2 {
		if err := os.RemoveAll(files[i]); err != nil {
			return err
		}
		if err := os.WriteFile(files[i], []byte(files[i+1]), 0o666); err != nil {
			return err
		}
	}
	return nil
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
