package saved

import (
	"errors"
	"fmt"
)

// What can be wrong with a recording. Every error of Create, Writer, Open and
// Reader about a recording is an *Error that wraps one of these.
var (
	ErrExists  = errors.New("is there already")             // Create never touches what is there
	ErrForeign = errors.New("is not a recording")           // nor was it ever one
	ErrNewer   = errors.New("is of a newer form")           // made by a later version
	ErrMissing = errors.New("lacks a part")                 // a segment is gone
	ErrDamaged = errors.New("is damaged")                   // bytes are not those that were written
	ErrRead    = errors.New("cannot be read")               // the system said no
	ErrWrite   = errors.New("could not be written further") // the system said no; what was written stays
)

// Error says what is wrong with which file of a recording.
type Error struct {
	File string // the directory, or the file in it
	Kind error  // one of the above
	Err  error  // why; nil: Kind says all
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s %v", e.File, e.Kind)
	}
	return fmt.Sprintf("%s %v: %v", e.File, e.Kind, e.Err)
}

// Unwrap makes errors.Is see both the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Do says what to do about it, for the line after the error.
func (e *Error) Do() string {
	switch e.Kind {
	case ErrExists:
		return "give another name, or move away what is there: nothing is overwritten"
	case ErrForeign:
		return "give a directory NAME" + Suffix + " that filerace recorded"
	case ErrNewer:
		return "read it with the version of filerace that made it, or a later one"
	case ErrMissing:
		return "copy the recording again, all of it; an incomplete one would look like another run"
	case ErrDamaged:
		return "copy the recording again from where it was made; findings.json in it may still tell what was found"
	case ErrWrite:
		return "make room or record to another disk; what was recorded before can be read"
	}
	return "look at the owner and the mode of the files"
}
