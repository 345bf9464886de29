package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"filerace/internal/probe"
	"filerace/internal/watch"
)

// The screen's rules: the picture is drawn on the terminal's other screen, so that
// what stood there before comes back; the terminal is as it was on every way out
// but SIGKILL. Its size is asked for at every drawing.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[2J" // the other screen; no cursor; clear
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// onScreen shows the picture until q, Ctrl-C, a signal, or the context's end.
func (w *watching) onScreen(ctx context.Context, c *console, source *probe.Probe) (watch.Summary, error) {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	// Until the terminal is restored no signal may end the process at once.
	ending := make(chan os.Signal, 4)
	signal.Notify(ending, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(ending)
	go func() {
		select {
		case <-ending:
			quit()
		case <-ctx.Done():
		}
	}()
	if terminal(c.in) {
		if old, err := term.MakeRaw(int(c.in.Fd())); err == nil {
			defer term.Restore(int(c.in.Fd()), old)
			go quitByKey(c.in, quit)
		}
	}
	fmt.Fprint(c.out, enterScreen)
	defer fmt.Fprint(c.out, leaveScreen)
	var said []string
	w.options.Say = func(text string) { said = append(said, text) }
	w.options.Color = colored(c.out)
	w.options.Size = func() (int, int) {
		width, height, err := term.GetSize(int(c.out.Fd()))
		if err != nil {
			return 80, 24
		}
		return width, height
	}
	sum, err := watch.Run(ctx, source, w.options, c.out)
	sum.Forgot = append(sum.Forgot, said...)
	return sum, err
}

// quitByKey waits for q, Q, Ctrl-C or Ctrl-D, which are plain bytes on a raw terminal,
// or for the terminal's end.
func quitByKey(in *os.File, quit func()) {
	key := make([]byte, 1)
	for {
		n, err := in.Read(key)
		if err != nil || n == 1 && (key[0] == 'q' || key[0] == 'Q' || key[0] == 3 || key[0] == 4) {
			quit()
			return
		}
	}
}
