package watch

import (
	"filerace/internal/screen"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
)

var update = flag.Bool("update", false, "write the golden files anew")

func busy() *Top {
	return &Top{
		Elapsed: 26*time.Hour + 3*time.Minute + 4*time.Second, Events: 1_234_567, PerSecond: 10031.4, Races: 1, Possible: 2,
		Newest: "two processes held the lock on /run/app.lock at the same time",
		Files: []TopFile{
			{Path: "/run/app.lock", Conflicts: 1200, Since: 12, Who: []string{"4711 sh", "4712 sh"}},
			{Path: "/var/lib/a rather/long path\nwith a/break in it/and a name at the end.db", Conflicts: 40, Who: []string{"99 sqlite3", "4712 sh", "1 systemd"}},
			{Path: "/srv/名前/n", Conflicts: 3, Since: 3, Who: []string{"5 a", "6 b"}},
		},
		Locks: []TopLock{
			{Path: "/run/app.lock", Kind: "flock EX", Who: "4712 sh", Waits: true, For: 3200 * time.Millisecond, On: "4711 sh"},
			{Path: "/run/old.lock", Kind: "fcntl SH [0, 10)", Who: "77 mail", Waits: true, For: 42 * time.Millisecond, Least: true, On: "any that has it open"},
			{Path: "/run/app.lock", Kind: "flock EX", Who: "4711 sh", For: 75 * time.Second},
		},
		Deleted: []TopDeleted{
			{Path: "/var/log/app.log", Size: 12_900_000, Who: []string{"4711 sh"}},
			{Path: "/tmp/x", Size: 12, Who: []string{"8 a", "9 b"}},
		},
	}
}

func TestDraw(t *testing.T) {
	for _, c := range []struct {
		name          string
		top           *Top
		width, height int
		color         bool
	}{
		{"busy-100x24", busy(), 100, 24, false},
		{"busy-60x16", busy(), 60, 16, false},
		{"busy-color", busy(), 80, 12, true},
		{"empty-80x24", &Top{}, 80, 24, false},
		{"forgot-80x12", &Top{Forgot: "forgot 12 paths: more than 65536 at once", Lost: 7, Events: 3}, 80, 12, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(Draw(c.top, c.width, c.height, c.color), "\n") + "\n"
			file := filepath.Join("testdata", c.name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// However small the terminal and however much there is to show, the picture fits.
func TestDrawFits(t *testing.T) {
	top := busy()
	for i := range 50 {
		top.Locks = append(top.Locks, TopLock{Path: fmt.Sprint("/l", i), Kind: "flock EX", Who: "1 a"})
		top.Deleted = append(top.Deleted, TopDeleted{Path: strings.Repeat("名", i), Size: int64(i)})
	}
	for width := 20; width < 160; width += 7 {
		for height := 1; height < 70; height += 3 {
			lines := Draw(top, width, height, false)
			if len(lines) > height {
				t.Fatalf("%d lines on %d", len(lines), height)
			}
			for _, l := range lines {
				if screen.Width(l) > width || strings.ContainsFunc(l, unicode.IsControl) {
					t.Fatalf("%d columns on %d: %q", screen.Width(l), width, l)
				}
			}
		}
	}
	if full := Draw(top, 100, 40, false); len(full) != 40 {
		t.Errorf("%d of 40 lines are used", len(full))
	}
}

func TestSizesAndSpans(t *testing.T) {
	for got, want := range map[string]string{
		bytesOf(0): "0 B", bytesOf(1023): "1023 B", bytesOf(1536): "1.5 KiB", bytesOf(5 << 30): "5.0 GiB", bytesOf(1<<63 - 1): "8.0 EiB",
		span(999 * time.Millisecond): "999 ms", span(59 * time.Second): "59.0 s", span(61 * time.Second): "00:01:01",
		grouped(0): "0", grouped(999): "999", grouped(1234567): "1 234 567", clock(50 * time.Hour): "2d 02:00:00",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
