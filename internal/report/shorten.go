package report

import "strings"

// Shorten takes the directories off the paths in a sentence, the first that fits.
func Shorten(text string, dirs ...string) string {
	for _, d := range dirs {
		if d != "" && d != "/" {
			text = strings.ReplaceAll(text, d+"/", "")
		}
	}
	return text
}
