package race

import "filerace/internal/world"

// sectionStock keeps critical sections that are over for those that begin: a busy lock has
// many, and few at a time.
type sectionStock struct {
	sections []*section
	uses     []*sectionUse
}

const (
	stockSections = 16
	stockUses     = 64
)

func (k *sectionStock) section(h *holding) *section {
	n := len(k.sections)
	if n == 0 {
		return &section{holding: h, files: map[*world.File]*sectionUse{}}
	}
	s := k.sections[n-1]
	k.sections, s.holding = k.sections[:n-1], h
	return s
}

func (k *sectionStock) use() *sectionUse {
	n := len(k.uses)
	if n == 0 {
		return &sectionUse{}
	}
	u := k.uses[n-1]
	k.uses = k.uses[:n-1]
	return u
}

// put takes a section that is over; nil is none.
func (k *sectionStock) put(s *section) {
	if s == nil || len(k.sections) == stockSections || len(s.files) > stockUses {
		return
	}
	for _, u := range s.files {
		if len(k.uses) == stockUses {
			break
		}
		clear(u.own)
		clear(u.foreign)
		*u = sectionUse{own: u.own[:0], foreign: u.foreign[:0]}
		k.uses = append(k.uses, u)
	}
	clear(s.files)
	s.holding = nil
	k.sections = append(k.sections, s)
}
