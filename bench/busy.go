package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"filerace/internal/trace/saved"
)

// busy is much at once: compilers, commits, transactions, and files that are copied, edited and replaced under a lock. It is
// given a directory, a package to compile, and how often all is to be done.
const busy = `
dir=$1 package=$2 times=$3
builds() {
	for i in $(seq "$times"); do
		rm -rf "$dir/cache"
		GOCACHE=$dir/cache go build -o /dev/null "$package"
	done
}
commits() {
	git init -q "$dir/repository" && cd "$dir/repository" || exit
	for i in $(seq $((times * 60))); do
		echo "$i" >"file$((i % 7))"
		git add . && git -c user.name=a -c user.email=a@b commit -q -m "$i"
	done
}
transactions() {
	command -v sqlite3 >/dev/null || return
	echo 'create table if not exists t(a, b);' | sqlite3 "$dir/$1.db" 2>/dev/null
	for i in $(seq $((times * 60))); do
		printf '.timeout 5000\ninsert into t values(%d, %d);\nselect count(*) from t;\n' "$i" "$2" | sqlite3 "$dir/$1.db" >/dev/null 2>&1
	done
}
edits() {
	for i in $(seq $((times * 60))); do
		flock "$dir/lock" sh -c 'echo "$2" >>"$1/log"; cp "$1/log" "$1/log.$3"; mv "$1/log.$3" "$1/log.last"; sed -i 1d "$1/log"' sh "$dir" "$i" "$1"
	done
}
builds & commits & transactions a 1 & transactions a 2 & transactions b 1 & transactions b 2 & edits 1 & edits 2 &
wait
`

// recordBusy records that.
func (l *lab) recordBusy() (*recorded, error) {
	for _, tool := range []string{"git", "flock", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, err
		}
	}
	times := "8"
	if l.quick {
		times = "1"
	}
	r := &recorded{name: "much at once", dir: filepath.Join(l.dir, "busy"+saved.Suffix)}
	l.progress("recording " + r.name)
	work := l.sub("busy")
	defer os.RemoveAll(work)
	cmd := l.command(l.ctx, "", l.filerace, "run", "--with", "bpf", "--record", r.dir, "-o", os.DevNull, "--", "sh", "-c", busy, "sh", work, "./internal/op", times)
	if text, err := cmd.CombinedOutput(); err != nil && exitStatus(err) != exitFound {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
	}
	return r, nil
}
