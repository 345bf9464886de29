//go:build !linux

package main

// inHugePages is for systems that have nothing to ask for.
func inHugePages([]byte) {}
