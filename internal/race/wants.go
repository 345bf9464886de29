package race

import (
	"slices"
	"sync"

	"filerace/internal/op"
	"filerace/internal/world"
)

// sleeper is a rule that has nothing to watch most of the time: no lock is held, no
// lease was taken. It is asked after each operation that it has seen.
type sleeper interface{ awake() bool }

// trigger is what an operation did, whatever its kind, that a rule goes by.
type trigger uint8

const (
	closes     trigger = 1 << iota // it closed an open file description
	frees                          // it released a lock
	waits                          // it sleeps for a lock
	overwrites                     // it wrote where something had been written in this run
	cuts                           // it made a file shorter
	renames                        // a name leads elsewhere now
)

const triggers = 6

// triggersOf is what an operation did.
func triggersOf(e *world.Effect) (t trigger) {
	if e.TookAway() {
		if len(e.Closed) > 0 {
			t |= closes
		}
		if len(e.Freed) > 0 {
			t |= frees
		}
		if len(e.Over)+len(e.Again) > 0 {
			t |= overwrites
		}
		if len(e.Dropped) > 0 {
			t |= cuts
		}
	}
	if e.Shrunk > 0 {
		t |= cuts
	}
	if e.Waits != nil {
		t |= waits
	}
	if e.Entry != nil && (e.Entry.File != e.Before || e.Entry2 != nil && e.Entry2.File != e.Before2) {
		t |= renames
	}
	return t
}

// wants tells which rules, by their places as bits, want to see an operation.
type wants struct {
	kind, on           wish
	awakeKind, awakeOn wish // of those that are awake
}

// wish holds rules by what they want to see, an op.Kind or the place of a trigger's bit.
type wish [op.Kinds]uint32

// wanted is what Rules want.
var wanted = sync.OnceValue(func() *wants { return wantsOf(Rules) })

func wantsOf(rules []Info) *wants {
	var w wants
	bit := uint32(1)
	for _, i := range rules {
		if i.New == nil {
			continue
		}
		w.kind.add(i.Kinds, bit)
		w.awakeKind.add(i.Awake, bit)
		for t := range triggers {
			if i.On>>t&1 != 0 {
				w.on[t] |= bit
			}
			if i.AwakeOn>>t&1 != 0 {
				w.awakeOn[t] |= bit
			}
		}
		bit <<= 1
	}
	return &w
}

func (w *wish) add(kinds []op.Kind, bit uint32) {
	for _, k := range kinds {
		w[k] |= bit
	}
}

// of returns the rules that want to see what an operation did, if these are awake.
func (w *wants) of(e *world.Effect, awake uint32) uint32 {
	k := e.Op.Kind
	rules := w.kind[k] | w.awakeKind[k]&awake
	if t := triggersOf(e); t != 0 {
		for n := range triggers {
			if t>>n&1 != 0 {
				rules |= w.on[n] | w.awakeOn[n]&awake
			}
		}
	}
	return rules
}

// onDescriptors are the most frequent operations that have no names.
var onDescriptors = []op.Kind{op.Read, op.Write, op.Close, op.Seek, op.LockOp, op.Copy, op.Dup, op.Send, op.Recv, op.Poll, op.Futex}

// except are all operations but those that a rule passes over.
func except(kinds ...op.Kind) (all []op.Kind) {
	for k := range op.Kind(op.Kinds) {
		if !slices.Contains(kinds, k) {
			all = append(all, k)
		}
	}
	return all
}
