// Command bench measures filerace beside other tools, all in one run on one
// machine, and prints the figures as a table:
//
//	go run ./bench [--quick] [--only NAME] [--cases DIR] [--per-case 20s] [--write FILE]
//
// It makes everything below one directory of its own and ends all that it starts.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"filerace/internal/hunt"
)

// Exit statuses.
const (
	exitUsage  = 2
	exitBroken = 3 // something could not be measured
)

func main() {
	hunt.MaybeWork()
	if status, ok := playRole(os.Args[1:]); ok {
		os.Exit(status)
	}
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	var (
		quick   = f.Bool("quick", false, "small counts, to see that all works: less than a minute")
		only    = f.String("only", "", "measure this alone: operation, runs, safefile, watching, building, recording, cases, demos, or the name of one case or demo")
		cases   = f.String("cases", "", "directory of the shared cases: each is copied and set up by the script prepare in it, if there is one")
		perCase = f.Duration("per-case", 20*time.Second, "time for all hunts of one case or demo, and as much for each other way of trying it")
		write   = f.String("write", "", "write the figures to this Markdown file, too")
	)
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	case f.NArg() > 0 || *perCase <= 0:
		fmt.Fprintln(os.Stderr, "bench: there are no arguments, and --per-case must be more than 0")
		return exitUsage
	case runtime.GOOS != "linux":
		fmt.Fprintln(os.Stderr, "bench: control needs Linux on amd64 or arm64: nothing can be measured here")
		return exitBroken
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := newLab(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return exitBroken
	}
	defer l.close()
	l.quick, l.only, l.cases, l.perCase, l.rounds, l.hunts = *quick, *only, *cases, *perCase, 15, 5
	if l.quick {
		l.perCase, l.rounds, l.hunts = min(l.perCase, 2*time.Second), 5, 2
	}
	var text bytes.Buffer
	status := l.measure(io.MultiWriter(os.Stdout, &text))
	if *write != "" && ctx.Err() == nil {
		if err := os.WriteFile(*write, figures(text.String(), args), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "bench: write the figures:", err)
			return exitBroken
		}
	}
	return status
}

// measure prints every section as soon as it is there.
func (l *lab) measure(w io.Writer) (status int) {
	all := []struct {
		parts func() []string // what --only may name
		run   func() []section
	}{
		{names("operation"), func() []section { return []section{l.oneOperation()} }},
		{names("runs"), func() []section { return []section{l.runsPerSecond()} }},
		{names("safefile"), l.safefileSections},
		{names("watching"), func() []section { return []section{l.watching()} }},
		{names("building"), func() []section { return []section{l.building()} }},
		{names("recording"), func() []section { return []section{l.recordings()} }},
		{func() []string { return append(l.caseNames(), "cases") }, l.sharedCases},
		{func() []string { return append(demoNames(), "demos") }, func() []section { return []section{l.demos()} }},
	}
	measured := 0
	fmt.Fprint(w, "Medians, with the least and the greatest value in parentheses. Ratios are taken round by round.\n\n")
	for _, m := range all {
		if l.ctx.Err() != nil || !l.wanted(m.parts()...) {
			continue
		}
		for _, s := range m.run() {
			l.progress("")
			s.print(w)
			if s.broken != nil {
				status = exitBroken
			}
			measured++
		}
	}
	if measured == 0 && l.ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "bench: nothing is named %q; there are operation, runs, safefile, watching, building, recording, cases, demos, the cases in --cases DIR and the demos\n", l.only)
		return exitUsage
	}
	fmt.Fprintln(w, machine())
	return status
}

func names(list ...string) func() []string { return func() []string { return list } }

// figures is the text as a page of Markdown. The directory of the cases is one
// machine's own and left out.
func figures(text string, args []string) []byte {
	var flags strings.Builder
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		switch {
		case name == "cases":
			flags.WriteString(" --cases DIR")
		case name == "write":
		default:
			flags.WriteString(" " + args[i])
			continue
		}
		if !joined {
			i++
		}
	}
	return fmt.Appendf(nil, "# Figures\n\nWritten by `go run ./bench%s`. Ratios carry over to other machines better than times do.\n\n```text\n%s```\n", flags.String(), text)
}
