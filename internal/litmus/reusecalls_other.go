//go:build unix && !linux

package litmus

func birthTime(string) (string, error) { return "", errHere }

func generation(string) (string, error) { return "", errHere }

func fileHandle(string) (string, error) { return "", errHere }
