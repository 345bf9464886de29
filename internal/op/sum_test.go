package op

import (
	"hash/crc32"
	"testing"
)

func TestSuccessors(t *testing.T) {
	for b, want := range map[string][2]string{
		"5\n":                              {"6\n"},
		"9":                                {"10"},
		"9\r\n":                            {"10\r\n"},
		"-1":                               {"0"},
		"-10\n":                            {"-9\n"},
		"0099\n":                           {"0100\n"},
		"000\n":                            {"001\n"},
		"  9":                              {" 10"},
		" 99":                              {"100"},
		" 999":                             {"1000"},
		" -1":                              {"  0"},
		"9223372036854775807":              {},
		"9223372036854775808":              {},
		"5 apples":                         {},
		"apple 5":                          {},
		"\n":                               {},
		"":                                 {},
		"\x01":                             {},
		"\x01\x00":                         {"\x02\x00", "\x01\x01"},
		"\xff\xff":                         {},
		"\xff\x00":                         {"\x00\x01", "\xff\x01"},
		"\x00\x00\x00\xff":                 {"\x01\x00\x00\xff", "\x00\x00\x01\x00"},
		"\xff\xff\xff\xff\xff\xff\xff\xff": {"\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x00"},
		"ab":                               {},
		"12345678901234567890123":          {},
	} {
		up := successors([]byte(b))
		if got := [2]string{string(up[0]), string(up[1])}; got != want {
			t.Errorf("%q counts to %q, want %q", b, got, want)
		}
		var o Op
		o.SetSums([]byte(b))
		for i, s := range want {
			if sum := crc32.Checksum([]byte(s), castagnoli); o.Next[i] != sum {
				t.Errorf("%q: sum %#x of what comes next, want %#x", b, o.Next[i], sum)
			}
		}
	}
}

func FuzzJoinSums(f *testing.F) {
	f.Add([]byte("abc"), []byte("def"))
	f.Add([]byte{}, []byte{0})
	f.Add(make([]byte, 5000), []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		sum := func(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
		if got, want := JoinSums(sum(a), sum(b), int64(len(b))), sum(append(a[:len(a):len(a)], b...)); got != want {
			t.Errorf("%#x, want %#x", got, want)
		}
	})
}
