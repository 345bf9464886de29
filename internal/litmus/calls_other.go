//go:build unix && !linux && !darwin

package litmus

func renameNoReplace(from, to string) error { return errHere }

func renameExchange(a, b string) error { return errHere }

func writev(fd int, pieces [][]byte) (int, error) { return 0, errHere }

const flagDirect = 0
