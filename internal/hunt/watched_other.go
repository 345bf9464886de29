//go:build !linux

package hunt

import (
	"errors"
	"os"
	"os/exec"
)

func hold(*exec.Cmd) (*os.Process, error) { return nil, errors.ErrUnsupported }

func letRun(int) error { return errors.ErrUnsupported }
