package chart

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// chance are the functions that give another value at every call.
var chance = []string{
	"randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randInt", "randBytes", "shuffle",
	"uuidv4", "bcrypt", "htpasswd", "encryptAES", "genPrivateKey", "genCA", "genCAWithKey",
	"genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey",
	"now", "ago",
}

// dates are the functions that ask the clock when their date, the argument at this place, is none.
var dates = map[string]int{
	"date": 1, "date_in_zone": 1, "dateInZone": 1, "htmlDate": 0, "htmlDateInZone": 0,
}

const (
	everyTime = "the chart calls %s, which gives another value at every render"
	noCluster = "the chart calls %s, which finds nothing: a render sees no cluster"
)

// sprigs are Sprig's own functions, before Helm's are put over them.
var sprigs = sprig.TxtFuncMap()

// functions stand in for those whose calls are noted; they do what these do.
func (n *Notes) functions() template.FuncMap {
	functions := template.FuncMap{}
	for _, name := range chance {
		functions[name] = n.noting(name, nil)
	}
	for name, place := range dates {
		functions[name] = n.noting(name, func(arguments []reflect.Value) bool {
			return !isDate(arguments[place])
		})
	}
	functions["lookup"] = func(string, string, string, string) (map[string]any, error) {
		n.call("lookup", noCluster)
		return map[string]any{}, nil
	}
	return functions
}

// noting wraps one of Sprig's functions; without a condition every call counts.
func (n *Notes) noting(name string, counts func([]reflect.Value) bool) any {
	inner := reflect.ValueOf(sprigs[name])
	return reflect.MakeFunc(inner.Type(), func(arguments []reflect.Value) []reflect.Value {
		if counts == nil || counts(arguments) {
			n.call(name, everyTime)
		}
		if inner.Type().IsVariadic() {
			return inner.CallSlice(arguments)
		}
		return inner.Call(arguments)
	}).Interface()
}

// isDate says that Sprig takes the value for a date, and the current time for any other.
func isDate(value reflect.Value) bool {
	if value.Kind() == reflect.Interface {
		value = value.Elem()
	}
	if !value.IsValid() {
		return false
	}
	switch value.Interface().(type) {
	case time.Time, *time.Time, int, int32, int64:
		return true
	}
	return false
}

func (n *Notes) call(name, warning string) { n.warn(name, fmt.Sprintf(warning, name)) }

// warn says once what the key stands for.
func (n *Notes) warn(key, warning string) {
	if _, known := n.called[key]; known {
		return
	}
	n.called[key] = struct{}{}
	n.warnings = append(n.warnings, warning)
}

// Warnings says once for each function what its calls mean, in the order of their names.
func (n *Notes) Warnings() []string {
	slices.Sort(n.warnings)
	return n.warnings
}

// Template fills in a text as `helm --name-template` does.
func (n *Notes) template(text string, into func(*template.Template) error) error {
	functions := template.FuncMap(maps.Clone(sprigs))
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["getHostByName"] = func(string) string { return "" }
	maps.Copy(functions, n.functions())
	parsed, err := template.New("name-template").Funcs(functions).Parse(text)
	if err != nil {
		return err
	}
	return into(parsed)
}
