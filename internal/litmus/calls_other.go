//go:build unix && !linux && !darwin

package litmus

func renameNoReplace(from, to string) error { return errHere }
