package hunt

import "testing"

func TestAliasesBindWhereAFileIsMade(t *testing.T) {
	a := newAliases()
	for _, test := range []struct {
		want, got string
		same      bool
	}{
		{"read n", "read n", true},
		{"read tmp.abc", "read tmp.xyz", false}, // not yet made
		{"open EXCL tmp.abc", "open EXCL tmp.xyz", true},
		{"read tmp.abc", "read tmp.xyz", true},
		{"read tmp.abc", "read tmp.qqq", false},
		{"open EXCL tmp.abc", "open EXCL tmp.qqq", false}, // bound already
		{"open EXCL tmp.def", "open EXCL tmp.xyz", false}, // stands for another
		{"open EXCL tmp.def", "open EXCL tmp.longer", false},
		{"open EXCL a.def/b", "open EXCL a/bcdef", false}, // more than letters
		{"rename tmp.abc n", "rename tmp.xyz n", true},
		{"rename tmp.abc n", "rename tmp.xyz m", false},
		{"read n", "read n 4", false},
	} {
		if same := a.same(test.want, test.got); same != test.same {
			t.Errorf("%q and %q: %v", test.want, test.got, same)
		}
	}
}

func TestAliasesBindNothingOnAMismatch(t *testing.T) {
	a := newAliases()
	if a.same("link EXCL tmp.abc other", "link EXCL tmp.xyz another/one") {
		t.Error("different names were taken for one")
	}
	if a.same("read tmp.abc", "read tmp.xyz") {
		t.Error("a mismatch bound a name")
	}
}
