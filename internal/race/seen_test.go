package race

import (
	"fmt"
	"testing"
)

// Two renames onto one name overlap, and one of the two has read what was there. Whether the other's
// version is lost hangs on which came first, which nothing but the files that they replaced tells.
func TestWhatRenamesReplacedTellsTheirOrder(t *testing.T) {
	const script = forked + `
20 21 11 open /n flags=2 saw=1 = 3
22 23 11 read fd=3 len=64 = 4
24 25 11 open /a flags=0xc1 saw=+2 = 4
26 27 11 write fd=4 len=4 = 4
28 29 12 open /b flags=0xc1 saw=+3 = 4
30 31 12 write fd=4 len=4 = 4
40 60 12 rename /b /n %s = 0
41 61 11 rename /a /n %s = 0
`
	const made = "2 3 1 open /n flags=0x242 saw=+1 = 3\n4 5 1 write fd=3 len=4 = 4\n6 7 1 close fd=3 = 0"
	for _, c := range []struct{ theirs, mine, want string }{
		{"saw=3,1", "saw=2,3", "lost-update observed"},
		{"saw=3,2", "saw=2,1", ""},
		{"", "", "lost-update possible"},
	} {
		told := streamed(t, fmt.Sprintf(script, made, c.theirs, c.mine))
		got := ""
		for _, f := range told {
			if f.Rule == "lost-update" {
				got = f.Rule + " " + string(f.Evidence)
			}
		}
		if got != c.want {
			t.Errorf("replaced %q and %q: %q, want %q of %s", c.theirs, c.mine, got, c.want, rulesOf(told))
		}
	}
}
