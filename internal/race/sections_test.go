package race

import (
	"slices"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
)

// A lock may be held for hours while files come and go: what was noted of those that are gone
// is not kept, neither behind the end of a list nor in the stock.
func TestSectionsKeepNothingOfGoneFiles(t *testing.T) {
	var k sections
	s := k.begin(&holding{})
	files := make([]*world.File, stockUses+8)
	enter := func() {
		for i := range files {
			files[i] = &world.File{Place: world.Place{At: int32(i + 1)}}
			u := k.enter(s, files[i])
			u.own = append(u.own, touch{deed: deed{by: &op.Op{}}})
		}
	}
	enter()
	for _, f := range files {
		k.forget(f)
	}
	if n := len(slices.DeleteFunc(s.uses[:cap(s.uses)], func(u *sectionUse) bool { return u == nil })); n > 0 {
		t.Errorf("%d uses of files that are gone are left", n)
	}
	for _, u := range k.spareUses {
		if u.file != nil || u.section != nil || u.own[:1][0].by != nil {
			t.Fatalf("a use in the stock keeps %+v", u)
		}
	}
	s.uses = nil
	enter()
	if n := len(slices.DeleteFunc(k.spareUses[:cap(k.spareUses)], func(u *sectionUse) bool { return u == nil })); n > 0 {
		t.Errorf("%d uses that were taken from the stock are still in it", n)
	}
	k.end(s)
	if len(s.uses) != 0 || s.holding != nil {
		t.Errorf("a section that is over has %d uses, holding %v", len(s.uses), s.holding)
	}
}
