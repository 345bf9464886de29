// Package saved keeps recorded runs on disk, so that filerace explains them later
// and any reader of Parquet (DuckDB, ClickHouse, Spark, pandas) can ask them its own
// questions; docs/queries.md has some. A recording is a directory, NAME.filerace:
//
//	meta.json             what was recorded, where and how; "closed": true once it is whole
//	ops/00000001.parquet  one row an operation, in order; a segment is closed every
//	                      second or 256 Ki rows, whichever comes first; small ones are
//	                      merged later, as in 00000001-00000016.parquet
//	sums                  a line for each segment: CRC-32C, bytes, rows, name
//	findings.json         the report, as filerace prints it with --json
//	schedule.json         controlled runs: the decisions in order, "actor  signature"
//
// A segment gets its name when it is whole, so a recorder that is killed loses the
// open second at most. Nothing is synced while the run goes on, as that would make
// the run wait for the disk: the kernel keeps what a killed process has written,
// and a power failure may take the last half minute. Close syncs all of it before
// it says "closed".
//
// No file of a recording holds file contents. Equal writes are known by their
// checksums; whether parts of unequal ones agree can no longer be told.
package saved

import (
	"runtime"
	"strings"
	"time"

	"filerace/internal/trace"
)

// Suffix ends the name of a recording.
const Suffix = ".filerace"

// Name gives a recording's name its suffix if it has none.
func Name(name string) string {
	name = strings.TrimRight(name, "/")
	if strings.HasSuffix(name, Suffix) {
		return name
	}
	return name + Suffix
}

// Files of a recording.
const (
	metaFile     = "meta.json"
	sumsFile     = "sums"
	opsDir       = "ops"
	findingsFile = "findings.json"
	scheduleFile = "schedule.json"

	segmentSuffix = ".parquet"
	openSuffix    = ".open" // of a segment that is being written

	format  = "filerace recording"
	version = 1 // changes when a column goes or changes its meaning
)

// Meta is what is known of a recording as a whole: meta.json.
type Meta struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	Closed   bool      `json:"closed"`   // the recorder came to its end
	Command  []string  `json:"command"`  // of the run; empty: a whole system was watched
	Dir      string    `json:"dir"`      // where the command started
	Recorder string    `json:"recorder"` // "control", "eBPF", …
	Single   bool      `json:"single"`   // the command was run once, by itself: what it left room for counts, too
	Start    time.Time `json:"start"`    // wall time of enter_ns 0
	Host     Host      `json:"host"`
	Notes    Notes     `json:"notes"`
	Ops      int64     `json:"ops"` // rows of event "call"; counted at the end
	Rows     int64     `json:"rows"`
	Segments int       `json:"segments"`
	Dropped  int64     `json:"dropped"` // rows that the recorder could not write
}

// Host is where a recording was made.
type Host struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel"`
	CPUs   int    `json:"cpus"`
}

// Notes are trace.Notes as far as they are not in Meta itself.
type Notes struct {
	Broken     int    `json:"broken"`
	FirstBad   string `json:"first_bad,omitempty"`
	Lost       uint64 `json:"lost"` // by the gaps in it
	NoEntry    bool   `json:"no_entry"`
	Calls      string `json:"calls,omitempty"`
	Identities bool   `json:"identities"`
}

// fill completes what the caller of Create need not know.
func (m *Meta) fill() {
	m.Format, m.Version, m.Closed = format, version, false
	if m.Host == (Host{}) {
		m.Host = Host{OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: kernelRelease(), CPUs: runtime.NumCPU()}
	}
	if m.Command == nil {
		m.Command = []string{}
	}
}

// notes are what a reader of findings must know.
func (m *Meta) notes() trace.Notes {
	n := m.Notes
	return trace.Notes{
		Kind: "recorded run", Start: m.Start, Command: m.Command, Broken: n.Broken, FirstBad: n.FirstBad,
		Lost: n.Lost + uint64(m.Dropped), NoEntry: n.NoEntry, Calls: n.Calls, Identities: n.Identities,
	}
}
