package hunt

import (
	"testing"

	"filerace/internal/op"
)

func TestNamesAreTheSameInEveryRun(t *testing.T) {
	n := newNaming()
	n.under("/scratch/run/fresh", "")
	n.under("/scratch/run", scratchMark)
	n.under("/project", "")
	n.born(4711, "1.2")
	n.born(7, "1.3")
	for path, want := range map[string]string{
		"/scratch/run/fresh":         ".",
		"/scratch/run/fresh/n":       "n",
		"/scratch/run/freshness":     "{run}/freshness", // a prefix of letters is none of directories
		"/scratch/run/tmp/x":         "{run}/tmp/x",
		"/project/out/log":           "out/log",
		"/projects/out":              "/projects/out",
		"/var/run/app.4711.pid":      "/var/run/app.{1.2}.pid",
		"/var/run/app.47110.pid":     "/var/run/app.47110.pid",
		"/var/run/file7":             "/var/run/file7", // one digit says too little
		"/scratch/run/fresh/4711-11": "{1.2}-11",
	} {
		if got := n.name(path); got != want {
			t.Errorf("%s is called %s, want %s", path, got, want)
		}
	}
}

func TestAProcessIDBornLaterRenames(t *testing.T) {
	n := newNaming()
	if got := n.name("/a.4711"); got != "/a.4711" {
		t.Errorf("before: %s", got)
	}
	n.born(4711, "1")
	if got := n.name("/a.4711"); got != "/a.{1}" {
		t.Errorf("after: %s", got)
	}
}

func TestTemporaryFilesAreCalledAfterTheirMaker(t *testing.T) {
	n := newNaming()
	make := func(actor op.Actor, base string) {
		n.entering(&op.Op{
			Kind: op.Open, Actor: actor, Flags: op.O_CREAT | op.O_EXCL,
			Names: []op.Name{{Path: "/d/" + base, Base: base}},
		})
	}
	make("1.2", "tmp.q8ZkPw01Xy")
	make("1.2/3", "tmp.Aa1Bb2Cc3D")
	make("1.2", "backup.lock")
	for path, want := range map[string]string{
		"/d/tmp.q8ZkPw01Xy": "/d/tmp.{1.2~1}",
		"/d/tmp.Aa1Bb2Cc3D": "/d/tmp.{1.2~2}",
		"/d/backup.lock":    "/d/backup.lock",
	} {
		if got := n.name(path); got != want {
			t.Errorf("%s is called %s, want %s", path, got, want)
		}
	}
}

func TestKeysTellObjectsApart(t *testing.T) {
	n := newNaming()
	n.under("/d", "")
	for want, a := range map[string]op.Access{
		"name f": {Object: op.Object{Kind: op.ObjName, Base: "f"}, Path: "/d/f"},
		"list .": {Object: op.Object{Kind: op.ObjName, Base: "*"}, Path: "/d"},
		"data f": {Object: op.Object{Kind: op.ObjData}, Path: "/d/f"},
		"size f": {Object: op.Object{Kind: op.ObjSize}, Path: "/d/f"},
		"lock f": {Object: op.Object{Kind: op.ObjLock}, Path: "/d/f"},
		"":       {Object: op.Object{Kind: op.ObjData}},
	} {
		if got := n.key(&a); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
