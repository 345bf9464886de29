package world

// World is the state of the file system as one run has made it.
type World struct{}
