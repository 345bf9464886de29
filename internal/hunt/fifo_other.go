//go:build !linux

package hunt

import "errors"

func makeFIFO(string, uint32) error { return errors.ErrUnsupported }
