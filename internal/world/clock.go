package world

// Stamp is the place of one operation in the order of the run: a vector clock
// in the form of an epoch and what it has seen (Flanagan and Freund, FastTrack,
// PLDI 2009). A Stamp never changes.
//
// Two orders are kept. The hard one holds whatever the schedule: program order,
// fork, exec, exit to wait, pipe and socket write to read, signal send to
// handler. The full one adds lock release to acquire, and the removal of a name
// to its next exclusive creation, which another schedule could turn round.
type Stamp struct {
	Seq        int      // position in the run; 0: no operation (before the run)
	Thread     int32    // index of the actor in the world
	Count      uint32   // how many operations of the actor came before it, plus one
	full, hard []uint32 // by thread: the last operation seen
}

// IsZero reports whether s stands for no operation.
func (s Stamp) IsZero() bool { return s.Count == 0 }

// Before reports whether s happens before t in the full order.
func (s Stamp) Before(t Stamp) bool { return before(s, t, t.full) }

// HardBefore reports whether s happens before t in every schedule.
func (s Stamp) HardBefore(t Stamp) bool { return before(s, t, t.hard) }

// Unordered reports whether neither happens before the other, in the full order.
func Unordered(s, t Stamp) bool {
	return !s.IsZero() && !t.IsZero() && !s.Before(t) && !t.Before(s)
}

// HardUnordered is Unordered in the hard order: some schedule has them the other way round.
func HardUnordered(s, t Stamp) bool {
	return !s.IsZero() && !t.IsZero() && !s.HardBefore(t) && !t.HardBefore(s)
}

func before(s, t Stamp, seen []uint32) bool {
	if s.Count == 0 {
		return true // before the run
	}
	if s.Thread == t.Thread {
		return s.Count < t.Count
	}
	return int(s.Thread) < len(seen) && seen[s.Thread] >= s.Count
}
