package race

import (
	"slices"

	"filerace/internal/world"
)

// sections tells which files are used in the critical sections at present. What is over is
// kept for what begins: a busy lock has many sections, and few at a time.
type sections struct {
	uses      perFile[[]*sectionUse]
	spare     []*section
	spareUses []*sectionUse
}

const (
	stockSections = 16
	stockUses     = 64
)

func (k *sections) begin(h *holding) *section {
	s := pop(&k.spare)
	if s == nil {
		s = &section{}
	}
	s.holding = h
	return s
}

// pop takes the last one off, and leaves nothing of it behind the end: what it keeps would stay
// as long as the list. It returns nil if there is none.
func pop[T any](list *[]*T) *T {
	n := len(*list) - 1
	if n < 0 {
		return nil
	}
	last := (*list)[n]
	(*list)[n] = nil
	*list = (*list)[:n]
	return last
}

// of returns how the section used the file, nil if it did not.
func (k *sections) of(s *section, f *world.File) *sectionUse {
	for _, u := range k.uses.get(f) {
		if u.section == s {
			return u
		}
	}
	return nil
}

// enter notes that the section uses the file from now on.
func (k *sections) enter(s *section, f *world.File) *sectionUse {
	u := pop(&k.spareUses)
	if u == nil {
		u = &sectionUse{}
	}
	u.section, u.file, u.place = s, f, len(s.uses)
	s.uses = append(s.uses, u)
	k.uses.put(f, append(k.uses.get(f), u))
	return u
}

// forget ends all uses of a file that is gone.
func (k *sections) forget(f *world.File) {
	for _, u := range k.uses.get(f) {
		s := u.section
		if last := pop(&s.uses); last != u {
			s.uses[u.place], last.place = last, u.place
		}
		k.store(u)
	}
	k.uses.drop(f)
}

// end takes a section that is over; nil is none.
func (k *sections) end(s *section) {
	if s == nil {
		return
	}
	for _, u := range s.uses {
		left := slices.DeleteFunc(k.uses.get(u.file), func(o *sectionUse) bool { return o == u })
		k.uses.put(u.file, left)
		k.store(u)
	}
	clear(s.uses)
	s.holding, s.uses = nil, s.uses[:0]
	if len(k.spare) < stockSections && cap(s.uses) <= stockUses {
		k.spare = append(k.spare, s)
	}
}

func (k *sections) store(u *sectionUse) {
	if len(k.spareUses) == stockUses {
		return
	}
	clear(u.own)
	clear(u.foreign)
	*u = sectionUse{own: u.own[:0], foreign: u.foreign[:0]}
	k.spareUses = append(k.spareUses, u)
}
