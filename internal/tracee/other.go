//go:build !(linux && (amd64 || arm64))

package tracee

// Run returns ErrUnsupported: control needs Linux.
func Run(Config, Handler) (Result, error) { return Result{}, ErrUnsupported }
