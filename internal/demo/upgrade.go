package demo

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	siteDir = "site" // in the safe variant a symbolic link to siteV1 or siteV2
	siteV1  = "site.v1"
	siteV2  = "site.v2"
	siteNew = "site.new"
)

var siteFiles = []string{"code", "data", "index"}

// An upgrade replaces the files of a set one by one, each without a moment of
// absence; yet a reader of the whole set gets some of the old and some of the new.
var upgrade = Demo{
	Name:   "upgrade",
	Title:  "files of a set are replaced one by one while another process reads the set",
	Rule:   "mixed-versions",
	Actors: []string{"upgrader", "reader"},

	setup: func(o Options) error {
		if err := layOut([]string{siteDir, siteV1, siteV2, siteNew}); err != nil {
			return err
		}
		dir := siteDir
		if o.Safe {
			dir = siteV1
			if err := os.Symlink(siteV1, siteDir); err != nil {
				return err
			}
		}
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
		return layOut(nil, dir+"/code", "v1", dir+"/data", "v1", dir+"/index", "v1")
	},
	act: func(c *caller, o Options, actor string) {
		switch {
		case actor == "reader":
			readSite(c, o.Safe)
		case o.Safe:
			switchSite(c)
		default:
			replaceSiteFiles(c)
		}
	},
	tell: func(_ Options, say []Answer) (Result, error) {
		reader := say[1]
		versions := slices.Compact(strings.Fields(reader.Text))
		r := Result{Text: "the reader got " + reader.Text}
		if len(versions) > 1 {
			r = Result{r.Text + ": mixed versions", true}
		}
		return r, nil
	},
}

func replaceSiteFiles(c *caller) {
	for _, f := range siteFiles {
		path := siteDir + "/" + f
		c.create(path+".tmp", "v2")
		c.rename(path+".tmp", path)
	}
}

// switchSite lays the new set out beside the old and brings it in by one rename.
func switchSite(c *caller) {
	c.mkdir(siteV2)
	for _, f := range siteFiles {
		c.create(siteV2+"/"+f, "v2")
	}
	c.symlink(siteV2, siteNew)
	c.rename(siteNew, siteDir)
}

// readSite reads the set; in the safe variant all from the directory that the
// link led to when it was opened.
func readSite(c *caller, safe bool) {
	dir, prefix := unix.AT_FDCWD, siteDir+"/"
	if safe {
		dir, _ = c.open(siteDir, unix.O_RDONLY|unix.O_DIRECTORY)
		prefix = ""
	}
	var versions []string
	for _, f := range siteFiles {
		fd := c.openat(dir, prefix+f, unix.O_RDONLY)
		versions = append(versions, c.read(fd))
		c.close(fd)
	}
	c.say("%s", strings.Join(versions, " "))
	c.misfit = len(slices.Compact(versions)) > 1
}
