package main

import (
	"fmt"
	"math"
	"slices"
)

// series are the values of one figure, one of each round.
type series []float64

func (s series) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// String is the median with the least and the greatest value behind it.
func (s series) String() string { return s.written(number) }

// hundredths is String for ratios near 1, of which two significant digits would say too little.
func (s series) hundredths() string {
	return s.written(func(v float64) string { return fmt.Sprintf("%.2f", v) })
}

func (s series) written(one func(float64) string) string {
	switch len(s) {
	case 0:
		return "-"
	case 1:
		return one(s[0])
	}
	return fmt.Sprintf("%s (%s–%s)", one(s.median()), one(slices.Min(s)), one(slices.Max(s)))
}

// over returns the ratios to another series, round by round: what disturbed one
// round disturbed both.
func (s series) over(other series) series {
	var r series
	for i := range min(len(s), len(other)) {
		r = append(r, s[i]/other[i])
	}
	return r
}

// number prints two significant digits, or all before the decimal point.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "-"
	case v == math.Trunc(v) && a < 1e15:
		return fmt.Sprintf("%.0f", v)
	case a >= 9.95:
		return fmt.Sprintf("%.0f", v)
	case a >= 0.995:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// interleave calls every way once a round: A B C, B C A, C A B. What changes on
// the machine meanwhile (heat, neighbours) then meets all of them alike. Round -1
// warms the caches up and is not to be counted.
func interleave(rounds int, ways ...func(round int) error) error {
	for round := -1; round < rounds; round++ {
		for i := range ways {
			if err := ways[(i+round+1)%len(ways)](round); err != nil {
				return err
			}
		}
	}
	return nil
}
