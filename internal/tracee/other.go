//go:build !(linux && (amd64 || arm64))

package tracee

// Run returns ErrUnsupported: control needs Linux.
func Run(Config, Handler) (Result, error) { return Result{}, ErrUnsupported }

// Launcher starts runs.
type Launcher struct{}

// Run returns ErrUnsupported.
func (*Launcher) Run(Config, Handler) (Result, error) { return Result{}, ErrUnsupported }

// Close does nothing.
func (*Launcher) Close() {}
