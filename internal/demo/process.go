package demo

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"

	"golang.org/x/sys/unix"
)

// run lays out the files, runs all actors at once, and tells what was seen.
func (d *Demo) run(o Options, args []string) (Result, error) {
	if err := d.setup(o); err != nil {
		return Result{}, fmt.Errorf("set up the files: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return Result{}, fmt.Errorf("find the program itself: %w", err)
	}
	var procs []*process
	for _, a := range d.Actors {
		argv := slices.Concat([]string{"demo", d.Name, "--actor", a}, args)
		p, startErr := start(a, exec.Command(self, argv...))
		if startErr != nil {
			err = startErr
			break
		}
		procs = append(procs, p)
	}
	var say []Answer
	for _, p := range procs {
		a, endErr := p.end()
		err = errors.Join(err, endErr)
		say = append(say, a)
	}
	if err != nil {
		return Result{}, err
	}
	return d.tell(o, say)
}

// process is one actor seen from the parent. It answers through a pipe of its
// own, so that what the actors say is not one more thing that they share.
type process struct {
	actor string
	cmd   *exec.Cmd
	out   int
}

func start(actor string, cmd *exec.Cmd) (*process, error) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		return nil, fmt.Errorf("make a pipe for actor %s: %w", actor, err)
	}
	unix.CloseOnExec(p[0])
	unix.CloseOnExec(p[1])
	w := os.NewFile(uintptr(p[1]), "pipe")
	defer w.Close()
	cmd.Stdout = w
	cmd.Stderr = os.Stderr
	// One processor, no collector and no preemption signals: an actor under
	// control should be the system calls in its source and little else.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	if err := cmd.Start(); err != nil {
		unix.Close(p[0])
		return nil, fmt.Errorf("start actor %s: %w", actor, err)
	}
	return &process{actor, cmd, p[0]}, nil
}

// end waits for the actor and reads what it said. The answer is far smaller
// than a pipe holds, so that reading can wait until the actor is gone.
func (p *process) end() (Answer, error) {
	defer unix.Close(p.out)
	err := p.cmd.Wait()
	buf := make([]byte, 4096)
	n, readErr := unix.Read(p.out, buf)
	text := string(buf[:max(n, 0)])
	if p.cmd.ProcessState.ExitCode() == exitMisfit {
		err = nil
	}
	if err != nil && text != "" {
		return Answer{}, fmt.Errorf("actor %s: %s", p.actor, text)
	}
	if err = errors.Join(err, readErr); err != nil {
		return Answer{}, fmt.Errorf("actor %s: %w", p.actor, err)
	}
	return Answer{p.actor, text}, nil
}

// runActor is the whole life of an actor's process.
func (d *Demo) runActor(o Options, actor string) (status int) {
	c := &caller{}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case callError:
			c.said = v.Error()
			status = exitBroken
		default:
			panic(v)
		}
		unix.Write(1, []byte(c.said))
	}()
	d.act(c, o, actor)
	if c.misfit {
		return exitMisfit
	}
	return exitOK
}
