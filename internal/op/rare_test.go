package op

import (
	"encoding/json"
	"reflect"
	"testing"
)

// What few operations have is there as if it were a field: of an operation that is copied it changes alone, in the copy
// alone, and it comes along wherever an operation is sent.
func TestRareParts(t *testing.T) {
	plain := New(Read)
	for name, set := range map[string]func(*Op){
		"Via":   func(o *Op) { o.SetVia(nil) },
		"FDs":   func(o *Op) { o.SetFDs(nil) },
		"File2": func(o *Op) { o.SetFile2(File{}) },
	} {
		if o := *plain; !reflect.DeepEqual(&o, plain) {
			t.Error("a copy is another")
		} else if set(&o); !reflect.DeepEqual(&o, plain) {
			t.Errorf("%s of nothing: %+v", name, o.Rare)
		}
	}
	first := New(Dup)
	first.SetVia([]Name{{Base: "a"}})
	second := *first
	second.SetFDs([]FDInfo{{FD: 3}})
	third := second
	third.SetFile2(File{Nlink: 1})
	third.SetVia(nil)
	if len(first.Via()) != 1 || len(first.FDs()) != 0 || first.File2() != (File{}) {
		t.Errorf("first: %+v", first.Rare)
	}
	if len(second.Via()) != 1 || len(second.FDs()) != 1 || second.File2() != (File{}) {
		t.Errorf("second: %+v", second.Rare)
	}
	if len(third.Via()) != 0 || len(third.FDs()) != 1 || third.File2().Nlink != 1 {
		t.Errorf("third: %+v", third.Rare)
	}
	text, err := json.Marshal(third)
	if err != nil {
		t.Fatal(err)
	}
	var back Op
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, third) {
		t.Errorf("sent: %v\n got %+v\nwant %+v", err, back.Rare, third.Rare)
	}
}
