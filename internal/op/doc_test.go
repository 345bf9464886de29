package op

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/syscalls.md anew")

func TestDocumentIsCommitted(t *testing.T) {
	const file = "../../docs/syscalls.md"
	var want bytes.Buffer
	if err := Document(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s differs from the table: run go test ./internal/op -run Document -update", file)
	}
}

func TestEveryKindOfCallIsDocumented(t *testing.T) {
	for i := range Calls {
		if c := &Calls[i]; kindAccesses[c.Kind] == "" {
			t.Errorf("%s: nothing is said of what kind %s accesses", c.Name, c.Kind)
		}
	}
	for k := NoKind; k < kindMax; k++ {
		if k.String() == "" {
			t.Errorf("kind %d has no word", k)
		}
	}
}
