package watch

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"filerace/internal/op"
	"filerace/internal/screen"
	"filerace/internal/world"
)

func byPID(w *world.World) map[int]*world.Process {
	m := map[int]*world.Process{}
	for _, p := range w.Processes() {
		if !p.Exited {
			m[p.PID] = p
		}
	}
	return m
}

func (p process) String() string {
	return strings.TrimSpace(strconv.Itoa(p.pid) + " " + screen.Visible(p.prog))
}

// TopDeleted is a file that has lost its last name and is still open: its space is
// freed when the last descriptor is closed.
type TopDeleted struct {
	Path string // that it had
	Size int64  // bytes
	Who  []string
}

// deleted lists the deleted files that are open, the largest first.
func deleted(w *world.World, keep func(path string) bool) []TopDeleted {
	open := map[*world.File]*TopDeleted{}
	for _, p := range w.Processes() {
		for _, d := range p.FDs.All() {
			f := d.File
			if f.Type != op.Regular || f.Nlink > 0 || len(f.Names) > 0 || f.ID.IsZero() {
				continue
			}
			row := open[f]
			if row == nil {
				row = &TopDeleted{Path: f.Path, Size: f.Size}
				if d.Entry != nil {
					row.Path = d.Entry.Path
				}
				open[f] = row
			}
			if who := (process{p.PID, p.Prog}).String(); !slices.Contains(row.Who, who) {
				row.Who = append(row.Who, who)
			}
		}
	}
	var all []TopDeleted
	for _, row := range open {
		row.Path = strings.TrimSuffix(row.Path, " (deleted)") // as the kernel writes it in /proc/PID/fd
		if row.Path == "" {
			row.Path = "(never had a name that was seen)" // memfd, O_TMPFILE
		}
		if keep(row.Path) {
			slices.Sort(row.Who)
			all = append(all, *row)
		}
	}
	slices.SortFunc(all, func(a, b TopDeleted) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Path, b.Path))
	})
	return all
}
