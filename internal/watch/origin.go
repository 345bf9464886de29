package watch

import (
	"math"
	"slices"

	"filerace/internal/op"
	"filerace/internal/trace"
)

const maxTime = math.MaxInt64

// origin is what a record tells of a call beside the operation.
type origin struct {
	uid    uint32
	cgroup uint64
}

// origins keeps the origins of calls that are on their way through the flow.
type origins struct{ young, old map[*op.Op]origin }

// maxOrigins is more than a flow holds back (trace: 1<<16): what is older never came out.
const maxOrigins = 1 << 17

func newOrigins() origins { return origins{young: map[*op.Op]origin{}} }

func (s *origins) put(r *trace.Record) {
	if len(s.young) >= maxOrigins {
		s.young, s.old = map[*op.Op]origin{}, s.young
	}
	s.young[r.Op] = origin{r.UID, r.Cgroup}
}

// take returns the record of an operation. Operations that the flow made itself get
// their process's user.
func (s *origins) take(o *op.Op, u *users) trace.Record {
	from, ok := s.young[o]
	if ok {
		delete(s.young, o)
	} else if from, ok = s.old[o]; ok {
		delete(s.old, o)
	} else {
		from.uid, _ = u.of(o.PID)
	}
	return trace.Record{What: trace.Returned, Op: o, UID: from.uid, Cgroup: from.cgroup}
}

// users remembers whose a process is, also for a while after its end.
type users struct{ young, old map[int]uint32 }

// maxUsers is how many processes are remembered at least.
const maxUsers = 1 << 14

func (u *users) see(pid int, uid uint32) {
	if known, ok := u.young[pid]; ok && known == uid {
		return
	}
	if u.young == nil || len(u.young) >= maxUsers {
		u.young, u.old = map[int]uint32{}, u.young
	}
	u.young[pid] = uid
}

func (u *users) of(pid int) (uid uint32, known bool) {
	if uid, known = u.young[pid]; !known {
		uid, known = u.old[pid]
	}
	return uid, known
}

// early are lines that the flow does not put into their place: entries, and the
// making of threads. They wait until it has come as far.
type early struct {
	shown, entries bool
	records        []earlyRecord // by time
}

type earlyRecord struct {
	trace.Record
	at int64
}

func (e *early) add(r trace.Record, at int64) {
	if !e.shown || r.What == trace.Entered && !e.entries {
		return
	}
	i := len(e.records)
	for i > 0 && e.records[i-1].at > at {
		i--
	}
	e.records = slices.Insert(e.records, i, earlyRecord{r, at})
}

// upTo takes out those of that time and before.
func (e *early) upTo(at int64, f func(*trace.Record)) {
	n := 0
	for n < len(e.records) && e.records[n].at <= at {
		f(&e.records[n].Record)
		n++
	}
	e.records = slices.Delete(e.records, 0, n)
}
