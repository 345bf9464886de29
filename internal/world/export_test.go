package world

// Width is the length to which vectors have grown.
func Width(w *World) int { return int(w.slots) }
