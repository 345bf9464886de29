//go:build !linux

package main

func becomeReaper() {}

func onCore(_ int, start func() error) error { return start() }

func mountTracing() func() { return func() {} }

func lastCore() int { return -1 }

func machine() string { return "" }
