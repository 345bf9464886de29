package hunt

import "strings"

// aliases lets a replay accept temporary names that differ from the recorded
// ones, as long as they do so consistently: one recorded name stands for one
// actual name, bound where the file is created exclusively.
type aliases struct{ to, from map[string]string }

func newAliases() *aliases { return &aliases{map[string]string{}, map[string]string{}} }

// same compares two signatures word by word.
func (a *aliases) same(want, got string) bool {
	if want == got {
		return true
	}
	w, g := strings.Fields(want), strings.Fields(got)
	if len(w) != len(g) {
		return false
	}
	bind := -1 // nothing is bound unless all words agree
	for i := range w {
		if w[i] == g[i] || a.to[w[i]] == g[i] {
			continue
		}
		if bind >= 0 || !strings.Contains(want, "EXCL") || !alike(w[i], g[i]) || a.to[w[i]] != "" || a.from[g[i]] != "" {
			return false
		}
		bind = i
	}
	if bind >= 0 {
		a.to[w[bind]], a.from[g[bind]] = g[bind], w[bind]
	}
	return true
}

// alike reports whether two names differ in one stretch of letters and digits
// only, of one length: what mkstemp(3) and its kin fill in.
func alike(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	i, j := 0, len(a)
	for i < j && a[i] == b[i] {
		i++
	}
	for j > i && a[j-1] == b[j-1] {
		j--
	}
	for ; i < j; i++ {
		if !letter(a[i]) || !letter(b[i]) {
			return false
		}
	}
	return true
}

func letter(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '-'
}
