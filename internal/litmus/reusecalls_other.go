//go:build unix && !linux

package litmus

func birthTime(string) (uint64, string, error) { return 0, "", errHere }

func generation(string) (uint64, string, error) { return 0, "", errHere }

func fileHandle(string) (uint64, string, error) { return 0, "", errHere }
