//go:build unix && !linux

package safefile

var ranges rangeHolder = newTable()
