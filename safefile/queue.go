package safefile

import (
	"context"
	"sync"
)

// queue lets the goroutines of one process take turns on one file, first come,
// first served; shared holders go together. Only who is through asks the kernel,
// so at most one thread of a process sleeps in flock(2) for an exclusive lock.
type queue struct {
	id        fileID
	holders   int // that are through
	exclusive bool
	waiting   []*ticket
}

type ticket struct {
	shared bool
	turn   chan struct{} // closed when it is through
}

// queues holds one queue for each file that this process locks or waits for. Whoever is in it has the
// file open: its identity cannot become another file's. The last one that was used stays when nobody is
// in it, and is found without a look at the map: most programs have one lock.
var queues = struct {
	sync.Mutex
	of   map[fileID]*queue
	last *queue
}{of: map[fileID]*queue{}, last: &queue{}}

// queueOf is called with queues locked.
func queueOf(id fileID) *queue {
	old := queues.last
	if old.id == id {
		return old
	}
	q := queues.of[id]
	if q == nil {
		q = &queue{id: id}
		queues.of[id] = q
	}
	queues.last = q
	old.drop()
	return q
}

// drop lets go of the queue if nobody is in it and it was not the last one that was used.
func (q *queue) drop() {
	if q.holders == 0 && len(q.waiting) == 0 && q != queues.last {
		delete(queues.of, q.id)
	}
}

// fits tells whether one more may be let through.
func (q *queue) fits(shared bool) bool { return q.holders == 0 || shared && !q.exclusive }

// enter waits for the turn of the caller, and returns what it must leave. With try it does not
// wait: ErrLocked.
func enter(ctx context.Context, id fileID, shared, try bool) (*queue, error) {
	queues.Lock()
	q := queueOf(id)
	if len(q.waiting) == 0 && q.fits(shared) {
		q.holders++
		q.exclusive = !shared
		queues.Unlock()
		return q, nil
	}
	if try {
		queues.Unlock()
		return nil, ErrLocked
	}
	t := &ticket{shared: shared, turn: make(chan struct{})}
	q.waiting = append(q.waiting, t)
	queues.Unlock()
	select {
	case <-t.turn:
		return q, nil
	case <-ctx.Done():
	}
	queues.Lock()
	defer queues.Unlock()
	for i, other := range q.waiting {
		if other == t {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			q.admit() // shared ones may have waited behind this one
			return nil, ctx.Err()
		}
	}
	// It was let through at the same moment: it goes back.
	q.holders--
	q.admit()
	return nil, ctx.Err()
}

// leave ends a turn.
func (q *queue) leave() {
	queues.Lock()
	q.holders--
	q.admit()
	queues.Unlock()
}

// admit lets through those at the head of the queue that fit.
func (q *queue) admit() {
	for len(q.waiting) > 0 && q.fits(q.waiting[0].shared) {
		t := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.holders++
		q.exclusive = !t.shared
		close(t.turn)
	}
	q.drop()
}
