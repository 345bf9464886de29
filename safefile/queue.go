package safefile

import (
	"context"
	"sync"
)

// queue lets the goroutines of one process take turns on one file, first come,
// first served; shared holders go together. Only who is through asks the kernel,
// so at most one thread of a process sleeps in flock(2) for an exclusive lock.
type queue struct {
	holders   int // that are through
	exclusive bool
	waiting   []*ticket
}

type ticket struct {
	shared bool
	turn   chan struct{} // closed when it is through
}

// queues holds one queue for each file that this process locks or waits for.
// Whoever is in it has the file open: its identity cannot become another file's.
var queues = struct {
	sync.Mutex
	of    map[fileID]*queue
	spare *queue // one that was done with
}{of: map[fileID]*queue{}}

// fits tells whether one more may be let through.
func (q *queue) fits(shared bool) bool { return q.holders == 0 || shared && !q.exclusive }

// enter waits for the turn of the caller. With try it does not wait: ErrLocked.
func enter(ctx context.Context, id fileID, shared, try bool) error {
	queues.Lock()
	q := queues.of[id]
	if q == nil {
		if q = queues.spare; q == nil {
			q = &queue{}
		}
		queues.spare = nil
		queues.of[id] = q
	}
	if len(q.waiting) == 0 && q.fits(shared) {
		q.holders++
		q.exclusive = !shared
		queues.Unlock()
		return nil
	}
	if try {
		queues.Unlock()
		return ErrLocked
	}
	t := &ticket{shared: shared, turn: make(chan struct{})}
	q.waiting = append(q.waiting, t)
	queues.Unlock()
	select {
	case <-t.turn:
		return nil
	case <-ctx.Done():
	}
	queues.Lock()
	defer queues.Unlock()
	for i, other := range q.waiting {
		if other == t {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			q.admit(id) // shared ones may have waited behind this one
			return ctx.Err()
		}
	}
	// It was let through at the same moment: it goes back.
	q.holders--
	q.admit(id)
	return ctx.Err()
}

// leave ends a turn.
func leave(id fileID) {
	queues.Lock()
	defer queues.Unlock()
	q := queues.of[id]
	q.holders--
	q.admit(id)
}

// admit lets through those at the head of the queue that fit.
func (q *queue) admit(id fileID) {
	for len(q.waiting) > 0 && q.fits(q.waiting[0].shared) {
		t := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.holders++
		q.exclusive = !t.shared
		close(t.turn)
	}
	if q.holders == 0 && len(q.waiting) == 0 {
		delete(queues.of, id)
		queues.spare, q.waiting = q, nil
	}
}
