package tracee

import (
	"cmp"

	"filerace/internal/op"
)

// compareActors orders actors as people count: 1.2 before 1.10.
func compareActors(a, b op.Actor) int {
	for i, j := 0, 0; ; {
		switch {
		case i >= len(a) || j >= len(b):
			return cmp.Compare(len(a)-i, len(b)-j)
		case digit(a[i]) && digit(b[j]):
			var x, y int
			for ; i < len(a) && digit(a[i]); i++ {
				x = x*10 + int(a[i]-'0')
			}
			for ; j < len(b) && digit(b[j]); j++ {
				y = y*10 + int(b[j]-'0')
			}
			if x != y {
				return cmp.Compare(x, y)
			}
		case a[i] != b[j]:
			return cmp.Compare(b[j], a[i]) // "/" after "."? threads of a process before its children
		default:
			i, j = i+1, j+1
		}
	}
}

func digit(b byte) bool { return '0' <= b && b <= '9' }
