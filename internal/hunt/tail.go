package hunt

import (
	"os"
	"sync"
)

// tailSize is how much of a program's output is kept, in bytes: its end, where
// the complaint stands.
const tailSize = 16 << 10

// tail swallows output of any size and keeps its end.
type tail struct {
	in   *os.File
	out  *os.File
	done sync.WaitGroup
	kept []byte
	lost bool
}

func newTail() (*tail, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	t := &tail{in: w, out: r}
	t.done.Go(t.swallow)
	return t, nil
}

func (t *tail) swallow() {
	buf := make([]byte, 64<<10)
	for {
		n, err := t.out.Read(buf)
		t.kept = append(t.kept, buf[:n]...)
		if over := len(t.kept) - tailSize; over > 0 {
			t.kept, t.lost = append(t.kept[:0], t.kept[over:]...), true
		}
		if err != nil {
			return
		}
	}
}

// close ends the swallowing, when every writer has gone, and returns what was kept.
func (t *tail) close() string {
	t.in.Close()
	t.done.Wait()
	t.out.Close()
	if t.lost {
		return "…" + string(t.kept)
	}
	return string(t.kept)
}
