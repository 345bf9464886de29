package saved

import (
	"reflect"
	"strings"
)

// lane points to one field of every element of a slice of structs: a column of a
// segment is copied into it without looking at the other columns. One of the lists
// is not nil.
type lane struct {
	name  string // of the column
	text  []*string
	int64 []*int64
	uns64 []*uint64
	int32 []*int32
	uns32 []*uint32
	flag  []*bool
}

// lanesOf returns the lanes of a slice of structs whose fields bear parquet tags; by
// the column's name. Fields that are lists have none.
func lanesOf[T any](rows []T) map[string]*lane {
	t := reflect.TypeFor[T]()
	out := make(map[string]*lane, t.NumField())
	for f := range t.NumField() {
		if t.Field(f).Type.Kind() == reflect.Slice {
			continue
		}
		l := &lane{name: columnName(t.Field(f))}
		for i := range rows {
			l.add(reflect.ValueOf(&rows[i]).Elem().Field(f).Addr().Interface())
		}
		out[l.name] = l
	}
	return out
}

func columnName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("parquet"), ",")
	return name
}

func (l *lane) add(p any) {
	switch p := p.(type) {
	case *string:
		l.text = append(l.text, p)
	case *int64:
		l.int64 = append(l.int64, p)
	case *uint64:
		l.uns64 = append(l.uns64, p)
	case *int32:
		l.int32 = append(l.int32, p)
	case *uint32:
		l.uns32 = append(l.uns32, p)
	case *bool:
		l.flag = append(l.flag, p)
	default:
		panic("a column of a type that no lane has")
	}
}

// words are the texts of earlier segments: paths, programs and actors come again, and
// whoever keeps one of them shall not keep its whole dictionary. Bounded by two
// generations of wordsMax.
type words struct{ young, old map[string]string }

const wordsMax = 1 << 16

func (w *words) of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := w.young[string(b)]; ok {
		return s
	}
	s, ok := w.old[string(b)]
	if !ok {
		s = string(b)
	}
	if len(w.young) >= wordsMax || w.young == nil {
		w.old, w.young = w.young, w.old
		if w.young == nil {
			w.young = map[string]string{}
		}
		clear(w.young)
	}
	w.young[s] = s
	return s
}
