package trace

// Spare keeps slices of records that were handed from one goroutine to another and dealt
// with, to be filled again: up to the channel's capacity.
type Spare chan []Record

// Take returns an empty slice, with room for n records if it has to be made.
func (s Spare) Take(n int) []Record {
	select {
	case records := <-s:
		return records
	default:
		return make([]Record, 0, n)
	}
}

// GiveBack takes a slice that is not looked at any more. What it held is let go.
func (s Spare) GiveBack(records []Record) {
	clear(records)
	select {
	case s <- records[:0]:
	default:
	}
}
