package op

import (
	"fmt"
	"strconv"
)

// MarshalText writes the row's place in the table, by which another process of
// the same program finds it.
func (c *Call) MarshalText() ([]byte, error) {
	for i := range Calls {
		if c == &Calls[i] || c.Name == Calls[i].Name && c.Kind == Calls[i].Kind && sameTests(c.When, Calls[i].When) {
			return strconv.AppendInt(nil, int64(i), 10), nil
		}
	}
	return nil, fmt.Errorf("%s is not a row of the table", c.Name)
}

// UnmarshalText is the reverse: c becomes a copy of the row.
func (c *Call) UnmarshalText(text []byte) error {
	i, err := strconv.Atoi(string(text))
	if err != nil || i < 0 || i >= len(Calls) {
		return fmt.Errorf("the table has no row %q", text)
	}
	*c = Calls[i]
	return nil
}

func sameTests(a, b []Test) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
