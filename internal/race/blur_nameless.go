package race

import (
	"fmt"

	"filerace/internal/op"
	"filerace/internal/world"
)

// nameless follows opens that returned a file without a name: it was found, and lost
// its last name before the call was over. Under control a call is one step, so only
// traces show it. Where contents are used the rule open-unlinked tells; here it is
// the lock that the opener then takes, and that keeps nobody out.
//
// Ruled out: an opener that compares descriptor and path after locking, or lets go.
type nameless struct {
	open map[*world.OFD]*namelessOpen
}

type namelessOpen struct {
	opened, gone, shut, took deed
	checked                  bool
}

func (r *nameless) step(_ *world.World, e *world.Effect, report func(Finding)) {
	o := e.Op
	if o.Kind == op.Open && !o.Failed() && e.OFD != nil && e.Entry != nil && o.File.Type == op.Regular && o.File.Nlink == 0 &&
		o.Flags&op.O_TMPFILE != op.O_TMPFILE && len(o.Names) > 0 && o.Names[0].Type == op.Regular {
		r.open[e.OFD] = &namelessOpen{opened: deedOf(e)}
		return
	}
	if len(r.open) == 0 {
		return
	}
	for d, k := range r.open {
		k.step(d, e, report)
	}
	for _, d := range e.Closed {
		if k := r.open[d]; k != nil {
			if !k.took.none() && !k.checked {
				f := k.finding(d, k.took)
				f.Evidence = Possible
				report(f)
			}
			delete(r.open, d)
		}
	}
}

func (k *namelessOpen) step(d *world.OFD, e *world.Effect, report func(Finding)) {
	o := e.Op
	mine := o.Actor.Process() == k.opened.process()
	switch {
	case k.gone.none() && !mine && e.Entry == d.Entry && e.Entry.File != d.File && !o.Failed() &&
		(o.Kind == op.Unlink || o.Kind == op.Rename):
		k.gone = deedOf(e)
	case e.Entry2 != nil && k.gone.none() && !mine && e.Entry2 == d.Entry && e.Entry2.File != d.File && !o.Failed() && o.Kind == op.Rename:
		k.gone = deedOf(e)
	case !mine:
		if !k.gone.none() && k.shut.none() && o.Kind == op.Close && e.File == d.File && o.Actor.Process() == k.gone.process() {
			k.shut = deedOf(e)
		}
	case e.Took != nil && e.Took.OFD == d:
		k.took = deedOf(e)
	case k.took.none():
	case (o.Kind == op.Stat || o.Kind == op.AccessOp || o.Kind == op.Open) && (e.Entry == d.Entry || e.File == d.File):
		k.checked = true
	case o.Kind == op.Unlink && e.Entry == d.Entry && !k.checked:
		report(k.finding(d, deedOf(e)))
	}
}

func (k *namelessOpen) finding(d *world.OFD, last deed) Finding {
	path := d.Entry.Path
	f := story("open-unlinked", path, d.File, k.opened, k.gone, k.took, last)
	who, remover := actor(k.opened), "another process"
	if !k.gone.none() {
		remover = actor(k.gone)
	}
	f.Headline = fmt.Sprintf("%s opened %s, which %s had removed before the open returned", who, path, remover)
	f.Why = fmt.Sprintf("%s found %s by its name in step %d, but before the call came back %s had taken the name away. What it got is a file "+
		"without a name, and the lock that it took on it in step %d keeps nobody out.", who, path, k.opened.at.Seq, remover, k.took.at.Seq)
	switch by := k.opened.by; {
	case k.gone.none():
	case by.Enter < 0:
		f.Why += fmt.Sprintf(" By the times of their returns, both opened the file although %s had removed it in between. Nobody is seen to have made "+
			"it again, so the open of %s must have begun earlier than the removal ended.", remover, who)
	case !k.shut.none() && k.shut.by.Exit <= by.Exit:
		f.Why += fmt.Sprintf(" The open began %.3f ms before the removal returned, and came back %.3f ms after %s had closed the file.",
			ms(k.gone.by.Exit-by.Enter), ms(by.Exit-k.shut.by.Exit), remover)
	default:
		f.Why += fmt.Sprintf(" The open began %.3f ms before the removal returned and came back %.3f ms after it.",
			ms(k.gone.by.Exit-by.Enter), ms(by.Exit-k.gone.by.Exit))
	}
	f.Repair = "Do not remove a lock file. Where it must go, compare fstat of the descriptor with stat of the path after locking, " +
		"and start over when they differ."
	return f
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }
