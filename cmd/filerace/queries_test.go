package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"filerace/internal/op"
)

// engines are the SQL engines of docs/queries.md, with the npm packages that hold them.
var engines = map[string]string{"duckdb": "@duckdb/node-api", "clickhouse": "chdb"}

var sqlBlock = regexp.MustCompile("(?s)```sql ([a-z ]+)\n(.*?)\n```")

// sqlFor extracts an engine's blocks from docs/queries.md.
func sqlFor(t *testing.T, engine string) (setup string, queries []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/queries.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range sqlBlock.FindAllSubmatch(text, -1) {
		switch words := strings.Fields(string(m[1])); {
		case !slices.Contains(words, engine):
		case slices.Contains(words, "setup"):
			setup = string(m[2])
		default:
			queries = append(queries, string(m[2]))
		}
	}
	return setup, queries
}

// ask runs the engine's queries over a recording; it skips the test where the engine
// is not installed.
func ask(t *testing.T, engine, dir string) [][][]string {
	t.Helper()
	env := os.Environ()
	if os.Getenv("NODE_PATH") == "" {
		root, err := exec.Command("npm", "root", "--global").Output()
		if err != nil {
			t.Skipf("needs node and %s: npm install --global %s", engines[engine], engines[engine])
		}
		env = append(env, "NODE_PATH="+strings.TrimSpace(string(root)))
	}
	probe := exec.Command("node", "-e", "require('"+engines[engine]+"')")
	probe.Env = env
	if probe.Run() != nil {
		t.Skipf("needs %s: npm install --global %s (or NODE_PATH where it is)", engines[engine], engines[engine])
	}
	setup, queries := sqlFor(t, engine)
	if setup == "" || len(queries) != 10 {
		t.Fatalf("%d queries for %s, setup %q", len(queries), engine, setup)
	}
	job, err := json.Marshal(map[string]any{
		"engine": engine, "setup": strings.ReplaceAll(setup, "NAME.filerace", dir), "queries": queries,
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join("testdata", "sql.js"))
	cmd.Env, cmd.Stdin = env, bytes.NewReader(job)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", engine, err, &errs)
	}
	var results [][][]string
	if err := json.Unmarshal(out, &results); err != nil || len(results) != len(queries) {
		t.Fatalf("%s: %d results, %v", engine, len(results), err)
	}
	return results
}

// answers are what Go makes of some of the questions; the column is compared.
var answers = []struct {
	query, column int
	of            func(o *op.Op) (string, bool)
}{
	{2, 0, func(o *op.Op) (string, bool) {
		names := slices.ContainsFunc(o.Names, func(n op.Name) bool { return strings.HasSuffix(n.Path, "/app.lock") })
		return strconv.Itoa(o.Seq), names || len(o.Names) == 0 && strings.HasSuffix(o.File.Path, "/app.lock")
	}},
	{5, 0, func(o *op.Op) (string, bool) {
		return strconv.Itoa(o.Seq), took(o) && o.File.Nlink == 0
	}},
	{6, 0, func(o *op.Op) (string, bool) {
		return strconv.Itoa(o.Seq), o.Kind == op.Open && !o.Failed() && o.File.Type == op.Regular && o.File.Nlink == 0
	}},
	{10, 0, func(o *op.Op) (string, bool) {
		return strconv.Itoa(o.Seq), o.Kind == op.Rename && !o.Failed() && !o.Names[1].Before.IsZero() && o.Names[1].Before.Ino != o.Names[1].After.Ino
	}},
}

func took(o *op.Op) bool {
	return o.Lock.Family != op.NoLock && o.Lock.Mode != op.Unlock && !o.Waits && !o.Failed()
}

// The questions of docs/queries.md, over the run that proves a race: both engines
// give the same answers, and those that Go gives.
func TestQueries(t *testing.T) {
	dir := recorded(t, "hunt", "--quiet", "--record", "r", "--", "filerace", "demo", "lockfile-delete")
	ops, _ := again(t, dir)
	var first [][][]string
	for _, engine := range []string{"duckdb", "clickhouse"} {
		t.Run(engine, func(t *testing.T) {
			got := ask(t, engine, dir)
			checkAnswers(t, got, ops)
			if first == nil {
				first = got
			}
			for i := range got {
				if !slices.EqualFunc(got[i], first[i], slices.Equal) {
					t.Errorf("question %d: %s says\n%v, the other\n%v", i+1, engine, got[i], first[i])
				}
			}
		})
	}
}

func checkAnswers(t *testing.T, got [][][]string, ops []*op.Op) {
	t.Helper()
	for _, a := range answers {
		var want, is []string
		for _, o := range ops {
			if s, ok := a.of(o); ok {
				want = append(want, s)
			}
		}
		for _, row := range got[a.query-1] {
			is = append(is, row[a.column])
		}
		if !slices.Equal(is, want) {
			t.Errorf("question %d: %v; Go says %v", a.query, is, want)
		}
	}
	calls, writers := 0, map[op.FileID]map[int]bool{}
	for _, row := range got[0] {
		n, err := strconv.Atoi(row[2])
		if err != nil {
			t.Error(err)
		}
		calls += n
	}
	if calls != len(ops) {
		t.Errorf("question 1 counts %d calls; there are %d", calls, len(ops))
	}
	for _, o := range ops {
		switch o.Kind {
		case op.Write, op.Truncate, op.Copy, op.Allocate:
			if o.Failed() || o.File.Type != op.Regular {
				continue
			}
			if writers[o.File.ID] == nil {
				writers[o.File.ID] = map[int]bool{}
			}
			writers[o.File.ID][o.PID] = true
		}
	}
	for id, pids := range writers {
		row := []string{fmt.Sprint(id.Dev), fmt.Sprint(id.Ino), fmt.Sprint(id.Birth)}
		listed := slices.ContainsFunc(got[6], func(r []string) bool { return slices.Equal(r[:3], row) && r[4] == strconv.Itoa(len(pids)) })
		if listed != (len(pids) > 1) {
			t.Errorf("question 7: file %v was written by %d processes; listed: %v", id, len(pids), listed)
		}
	}
	if len(got[2]) == 0 || len(got[3]) == 0 || len(got[4]) == 0 {
		t.Errorf("the proven race shows no removal of an open file, no lock wait, or no lock on a nameless file: %v %v %v", got[2], got[3], got[4])
	}
}
