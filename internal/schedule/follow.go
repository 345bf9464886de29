package schedule

import "filerace/internal/op"

// Block is a run of steps of one actor.
type Block struct {
	Actor op.Actor `json:"actor"`
	Steps int      `json:"steps"` // how many, from 1
}

// Blocks returns the schedule's maximal blocks, in order.
func Blocks(s Schedule) []Block {
	var blocks []Block
	for i, step := range s {
		if i == 0 || step.Actor != s[i-1].Actor {
			blocks = append(blocks, Block{Actor: step.Actor})
		}
		blocks[len(blocks)-1].Steps++
	}
	return blocks
}

// Follow takes a list of blocks as wishes, for the minimiser, whose candidates
// may not be possible as they stand. A block whose actor is not held is left for
// good; after the last block there is no preemption.
type Follow struct {
	blocks []Block
	next   int // the block being followed
	left   int // steps that it still wants
	done   bool
}

// NewFollow returns a strategy for one run that follows the blocks as far as they go.
func NewFollow(blocks []Block) *Follow { return &Follow{blocks: blocks} }

// Begin returns true once.
func (f *Follow) Begin() bool {
	if f.done {
		return false
	}
	f.done = true
	if len(f.blocks) > 0 {
		f.left = f.blocks[0].Steps
	}
	return true
}

// Pick grants the next possible wish.
func (f *Follow) Pick(held []Held, done Schedule) int {
	for f.next < len(f.blocks) {
		if f.left > 0 {
			if i := find(held, f.blocks[f.next].Actor); i >= 0 {
				f.left--
				return i
			}
		}
		f.next++
		if f.next < len(f.blocks) {
			f.left = f.blocks[f.next].Steps
		}
	}
	return goOn(held, done)
}

// End does nothing.
func (f *Follow) End(Outcome) {}
