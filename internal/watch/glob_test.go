package watch

import (
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, head string
		yes, no       string // paths, separated by spaces
	}{
		{"/var/lib/*.lock", "/var/lib/", "/var/lib/a.lock /var/lib/.lock", "/var/lib/x/a.lock /var/lib/a.lock2 /a/var/lib/b.lock"},
		{"/var/**", "/var/", "/var/a /var/a/b/c", "/var /vara"},
		{"/a/**/b", "/a/", "/a/b /a/x/b /a/x/y/b", "/a/xb /ab"},
		{"/exact", "/exact", "/exact", "/exact/not /exac"},
		{"sub/?.n", "/srv/[me]/sub/", "/srv/[me]/sub/1.n", "/srv/m/sub/1.n /srv/[me]/sub/11.n"},
		{"./f", "/srv/[me]/f", "/srv/[me]/f", "/f"},
		{"*.lock", "", "/x/a.lock a.lock", "/x.lock/a"},
		{"/d/[ab][!c-e].t", "/d/", "/d/ax.t /d/bf.t", "/d/cx.t /d/ac.t /d/a/.t"},
		{`/d/\*\[x`, "/d/*[x", "/d/*[x", "/d/a[x"},
		{"/名/*", "/名/", "/名/é", "/名"},
		{"/d/a.b+c", "/d/a.b+c", "/d/a.b+c", "/d/aXb+c /d/a.bbc"},
	} {
		g, err := ParseGlob(c.pattern, "/srv/[me]")
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if g.Head() != c.head {
			t.Errorf("%s begins with %q, want %q", c.pattern, g.Head(), c.head)
		}
		for _, p := range strings.Fields(c.yes) {
			if !g.Match(p) {
				t.Errorf("%s does not match %s", c.pattern, p)
			}
			if !strings.HasPrefix(p, g.Head()) {
				t.Errorf("%s matches %s, which does not begin with %q", c.pattern, p, g.Head())
			}
		}
		for _, p := range strings.Fields(c.no) {
			if g.Match(p) {
				t.Errorf("%s matches %s", c.pattern, p)
			}
		}
	}
	for _, bad := range []string{"", "/a[b", "/a[]", "/[z-a]"} {
		if _, err := ParseGlob(bad, "/"); err == nil {
			t.Errorf("%q is taken for a pattern", bad)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("/a/*", "/a/b")
	f.Add("[!", "x")
	f.Add("/**/[a-c]\xff?", "/x/b\xffz")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		g, err := ParseGlob(pattern, "/dir")
		if err == nil && g.Match(path) && !strings.HasPrefix(path, g.Head()) {
			t.Errorf("%q matches %q, which does not begin with %q", pattern, path, g.Head())
		}
	})
}
