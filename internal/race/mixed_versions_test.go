package race

import (
	"strings"
	"testing"
)

// The key is read between the replacement of the certificate and its own.
const upgrade = `
	have cert "c1"
	have key "k1"
	have cert.new "c2"
	have key.new "k2"
	1    fork 1.1
	1    fork 1.2
	1.1  rename cert.new cert            #*
	1.2  read cert                       #*
	1.2  read key                        #*
	1.1  rename key.new key              #*
`

// The other way round: the old certificate and the new key.
const upgradeBehind = `
	have cert "c1"
	have key "k1"
	have cert.new "c2"
	have key.new "k2"
	1    fork 1.1
	1    fork 1.2
	1.2  read cert                       #*
	1.1  rename cert.new cert            #*
	1.1  rename key.new key              #*
	1.2  read key                        #*
`

func TestMixedVersions(t *testing.T) {
	for _, script := range []string{upgrade, upgradeBehind, strings.ReplaceAll(upgrade, "1.2  read key                        #*", `
		1.2  read key                        #*
		1.2  exit 1`)} {
		if !strings.Contains(script, "exit 1") {
			f := fires(t, mixedVersions, End{All: true}, "/w/key", script)
			if f.Evidence != Possible || f.Explains || len(f.Paths) != 1 || f.Paths[0] != "/w/cert" {
				t.Errorf("evidence %s, explains %v, paths %v", f.Evidence, f.Explains, f.Paths)
			}
			silent(t, mixedVersions, End{}, script+"1.2 exit 0")
			script += "1.2 exit 1"
		}
		if f := fires(t, mixedVersions, End{}, "/w/key", script); !f.Explains {
			t.Error("does not explain the failure")
		}
	}
}

// A reader may end well and hand what it read to a parent that fails over it.
func TestMixedVersionsFailTheRun(t *testing.T) {
	script := upgrade + `
	1.2  exit 0
	1    wait 1.2
	1    exit 1
	`
	if f := fires(t, mixedVersions, End{Failed: true}, "/w/key", script); f.Evidence != Observed {
		t.Errorf("evidence %s", f.Evidence)
	}
	silent(t, mixedVersions, End{}, script)
}

func TestMixedVersionsSilent(t *testing.T) {
	scripts(t, map[string]string{
		"all old": `
			have cert "c1"
			have key "k1"
			have cert.new "c2"
			have key.new "k2"
			1    fork 1.1
			1    fork 1.2
			1.2  read cert
			1.2  read key
			1.1  rename cert.new cert
			1.1  rename key.new key
			1.2  exit 1
		`,
		"all new": `
			have cert "c1"
			have key "k1"
			have cert.new "c2"
			have key.new "k2"
			1    fork 1.1
			1    fork 1.2
			1.1  rename cert.new cert
			1.1  rename key.new key
			1.2  read cert
			1.2  read key
			1.2  exit 1
		`,
		"two trees": `
			mkdir a
			mkdir b
			have a/cert "c1"
			have b/key "k1"
			have cert.new "c2"
			have key.new "k2"
			1    fork 1.1
			1    fork 1.2
			1.1  rename cert.new a/cert
			1.2  read a/cert
			1.2  read b/key
			1.1  rename key.new b/key
			1.2  exit 1
		`,
		"two upgraders": `
			have cert "c1"
			have key "k1"
			have cert.new "c2"
			have key.new "k2"
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  rename cert.new cert
			1.2  read cert
			1.2  read key
			1.3  rename key.new key
			1.2  exit 1
		`,
		"under locks": `
			have cert "c1"
			have key "k1"
			have cert.new "c2"
			have key.new "k2"
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9
			1.2  open L rdonly = 9
			1.1  flock 9 EX
			1.1  rename cert.new cert
			1.1  rename key.new key
			1.1  close 9
			1.2  flock 9 SH
			1.2  read cert
			1.2  read key
			1.2  exit 1
		`,
	}, mute(mixedVersions, End{All: true, Failed: true}))
}
