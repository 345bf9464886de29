package report

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Rules speak of operations by their place in the run: "step 118", "steps 118
// and 131". Readers count the rows of the timeline instead. Other numbers may
// follow: "in step 118, 1.2 had" speaks of one step and of an actor.
var stepWords = regexp.MustCompile(`\b(?:[Ss]teps \d+(?:, \d+)*(?:,? and | or | to )\d+|[Ss]tep \d+)`)

var digits = regexp.MustCompile(`\d+`)

// stepsIn returns the places in the run that a sentence speaks of.
func stepsIn(sentence string) []int {
	var seqs []int
	for _, m := range stepWords.FindAllString(sentence, -1) {
		for _, d := range digits.FindAllString(m, -1) {
			if n, err := strconv.Atoi(d); err == nil {
				seqs = append(seqs, n)
			}
		}
	}
	return seqs
}

// renumber says a sentence with the numbers of rows, which begin with 1. A step
// that is no row becomes "another step".
func renumber(sentence string, rows []row) string {
	return stepWords.ReplaceAllStringFunc(sentence, func(s string) string {
		word, list, _ := strings.Cut(s, " ")
		missing := false
		list = digits.ReplaceAllStringFunc(list, func(d string) string {
			i := slices.IndexFunc(rows, func(r row) bool { return strconv.Itoa(r.op.Seq) == d })
			missing = missing || i < 0
			return strconv.Itoa(i + 1)
		})
		switch {
		case !missing:
			return word + " " + list
		case word[0] == 'S':
			return "Another step"
		}
		return "another step"
	})
}
