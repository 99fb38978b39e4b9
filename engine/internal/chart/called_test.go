package chart

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"text/template"
	"time"
)

func TestEveryWatchedFunctionIsSprigs(t *testing.T) {
	functions := NewNotes().functions()
	names := slices.Clone(chance)
	for name := range dates {
		names = append(names, name)
	}
	for _, name := range names {
		own, ok := sprigs[name]
		if !ok {
			t.Errorf("Sprig has no %s", name)
			continue
		}
		if reflect.TypeOf(functions[name]) != reflect.TypeOf(own) {
			t.Errorf("%s is a %T, not a %T", name, functions[name], own)
		}
	}
}

func TestCallsAreSaidOnceAndInOrder(t *testing.T) {
	notes := NewNotes()
	text := "{{ now | unixEpoch }}{{ randInt 1 2 }}{{ range list 1 2 3 }}{{ randAlpha 3 }}{{ end }}"
	err := notes.template(text, func(parsed *template.Template) error {
		return parsed.Execute(&bytes.Buffer{}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the chart calls now, which gives another value at every render",
		"the chart calls randAlpha, which gives another value at every render",
		"the chart calls randInt, which gives another value at every render",
	}
	if got := notes.Warnings(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestDates(t *testing.T) {
	now := time.Now()
	for _, given := range []any{now, &now, 1, int32(1), int64(1)} {
		if !isDate(reflect.ValueOf(given)) {
			t.Errorf("%T is a date to Sprig", given)
		}
	}
	var nothing any
	for _, given := range []reflect.Value{
		reflect.ValueOf("2020-01-01"), reflect.ValueOf(1.5), reflect.ValueOf(&nothing).Elem(), {},
	} {
		if isDate(given) {
			t.Errorf("%v is no date to Sprig", given)
		}
	}
}
