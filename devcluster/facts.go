package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apimachinery/pkg/runtime"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver/scheme"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/controlplane" // registers every built-in kind
)

const factsName = "facts"

// runFacts prints what Kubernetes' OpenAPI does not say of its own types: which
// strings are pointers, which integers and booleans are values, and what the
// server fills in. tools/facts.py makes a table of it.
func runFacts() int {
	found := &facts{
		seen:   map[reflect.Type]bool{},
		fields: map[string]map[string]fact{},
		values: map[string]met{},
	}
	for _, scheme := range []*runtime.Scheme{legacyscheme.Scheme, apiextensions.Scheme, aggregator.Scheme} {
		found.addScheme(scheme)
	}
	output := json.NewEncoder(os.Stdout)
	output.SetIndent("", " ")
	if err := output.Encode(found.agreed()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A fact is about one field of one type. What is filled in with several values
// is no default; in some kinds, nothing may be filled in.
type fact struct {
	Sort     string   `json:"sort"`
	Default  any      `json:"default,omitempty"`
	Unfilled []string `json:"unfilled,omitempty"`
}

// met are the values that one field had in one kind of object, nil for none.
type met map[string]map[any]bool

const (
	pointerString = "pointer-string"
	valueScalar   = "value-scalar"
	otherPointer  = "pointer"
	otherValue    = "value"
)

// facts are by "package.version.Type.field", under the part that packages share.
type facts struct {
	seen   map[reflect.Type]bool
	fields map[string]map[string]fact
	values map[string]met
	root   string
}

func (f *facts) addScheme(scheme *runtime.Scheme) {
	types := scheme.AllKnownTypes()
	names := make([]string, 0, len(types))
	byName := map[string]reflect.Type{}
	for gvk, known := range types {
		if gvk.Version != runtime.APIVersionInternal && ownPackage(known.PkgPath()) != "" {
			names = append(names, gvk.String())
			byName[gvk.String()] = known
		}
	}
	sort.Strings(names)
	for _, name := range names {
		f.addType(byName[name])
		if stable(byName[name].PkgPath()) && !strings.HasSuffix(byName[name].Name(), "List") {
			f.addDefaults(scheme, byName[name])
		}
	}
}

// stable says whether a version stays: the defaults of others are not told, for
// many of them are only there to be converted.
func stable(path string) bool {
	version := path[strings.LastIndex(path, "/")+1:]
	return !strings.Contains(version, "alpha") && !strings.Contains(version, "beta")
}

// ownPackage is the part of an import path that tells Kubernetes' own packages
// apart: "core.v1" of "k8s.io/api/core/v1"; empty for others.
func ownPackage(path string) string {
	for _, prefix := range []string{
		"k8s.io/api/",
		"k8s.io/apimachinery/pkg/apis/",
		"k8s.io/apiextensions-apiserver/pkg/apis/",
		"k8s.io/kube-aggregator/pkg/apis/",
	} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && strings.Contains(rest, "/v") {
			return strings.ReplaceAll(rest, "/", ".")
		}
	}
	return ""
}

func (f *facts) addType(t reflect.Type) {
	t = element(t)
	if t.Kind() != reflect.Struct || f.seen[t] || ownPackage(t.PkgPath()) == "" {
		return
	}
	f.seen[t] = true
	f.addFields(t, t)
}

// addFields records the fields of a type, those of embedded types among them,
// as its owner's.
func (f *facts) addFields(owner, t reflect.Type) {
	for i := range t.NumField() {
		field := t.Field(i)
		if name := jsonName(field); name != "" {
			f.put(owner, name, sortOf(field))
		} else if field.Anonymous && field.Type.Kind() == reflect.Struct {
			f.addFields(owner, field.Type)
		}
		f.addType(field.Type)
	}
}

// element is what pointers, lists and maps are of.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

func sortOf(field reflect.StructField) string {
	t := field.Type
	if t.Kind() == reflect.Pointer {
		if t.Elem().Kind() == reflect.String {
			return pointerString
		}
		return otherPointer
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return valueScalar
	}
	return otherValue
}

// addDefaults fills an object with every struct that it can have, lets the
// server's defaults fill in the rest, and looks at what they did. Twice, since
// what an image is called decides on how it is pulled.
func (f *facts) addDefaults(scheme *runtime.Scheme, t reflect.Type) {
	f.root = t.Name()
	for _, image := range []string{"", "latest:latest"} {
		object := reflect.New(t)
		unfold(object.Elem(), map[reflect.Type]bool{}, image)
		if kind, ok := object.Interface().(runtime.Object); ok && defaulted(scheme, kind) {
			f.addFilled(object.Elem(), nil)
		}
	}
}

// defaulted says whether the defaults could be applied: some of them cannot
// cope with objects that are invalid.
func defaulted(scheme *runtime.Scheme, object runtime.Object) (done bool) {
	defer func() { done = recover() == nil }()
	scheme.Default(object)
	return true
}

func unfold(value reflect.Value, above map[reflect.Type]bool, image string) {
	switch value.Kind() {
	case reflect.Pointer:
		if inner := value.Type().Elem(); inner.Kind() == reflect.Struct && !above[inner] && value.CanSet() {
			value.Set(reflect.New(inner))
			unfold(value.Elem(), above, image)
		}
	case reflect.Slice:
		if inner := value.Type().Elem(); inner.Kind() == reflect.Struct && !above[inner] && value.CanSet() {
			value.Set(reflect.MakeSlice(value.Type(), 1, 1))
			unfold(value.Index(0), above, image)
		}
	case reflect.Struct:
		above[value.Type()] = true
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if field.Name == "Image" && field.Type.Kind() == reflect.String {
				value.Field(i).SetString(image)
			} else if field.IsExported() {
				unfold(value.Field(i), above, image)
			}
		}
		delete(above, value.Type())
	}
}

// addFilled records what is filled in; the owners are the types that embed the
// value's.
func (f *facts) addFilled(value reflect.Value, owners []reflect.Type) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			f.addFilled(value.Elem(), nil)
		}
	case reflect.Slice:
		for i := range value.Len() {
			f.addFilled(value.Index(i), nil)
		}
	case reflect.Struct:
		if ownPackage(value.Type().PkgPath()) != "" {
			f.addFilledFields(value, append(owners, value.Type()))
		}
	}
}

func (f *facts) addFilledFields(value reflect.Value, owners []reflect.Type) {
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name := jsonName(field)
		if name != "" && field.Name != "Image" {
			for _, owner := range owners {
				f.setDefault(owner, name, scalarOf(value.Field(i)))
			}
		}
		switch {
		case !field.IsExported():
		case field.Anonymous && name == "":
			f.addFilled(value.Field(i), owners)
		default:
			f.addFilled(value.Field(i), nil)
		}
	}
}

// scalarOf is a scalar that is there; nil for none, for zeros of values too.
func scalarOf(value reflect.Value) any {
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return nil
		}
		value = value.Elem()
	} else if value.IsZero() {
		return nil
	}
	switch value.Kind() {
	case reflect.String:
		return value.String()
	case reflect.Bool:
		return value.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return value.Int()
	}
	return nil
}

func (f *facts) put(t reflect.Type, name, sort string) {
	key := t.Name() + "." + name
	if f.fields[key] == nil {
		f.fields[key] = map[string]fact{}
	}
	f.fields[key][ownPackage(t.PkgPath())] = fact{Sort: sort}
}

// setDefault records what one object has in a field, nil for nothing.
func (f *facts) setDefault(t reflect.Type, name string, value any) {
	key := ownPackage(t.PkgPath()) + "." + t.Name() + "." + name
	if f.values[key] == nil {
		f.values[key] = met{}
	}
	if f.values[key][f.root] == nil {
		f.values[key][f.root] = map[any]bool{}
	}
	f.values[key][f.root][value] = true
}

// filled is the one value that a field is given, and the kinds in which it is
// given none; nil where it depends on more than the kind.
func (m met) filled() (value any, unfilled []string) {
	for root, values := range m {
		if len(values) > 1 {
			return nil, nil
		}
		for one := range values {
			if one == nil {
				unfilled = append(unfilled, root)
			} else if value != nil && value != one {
				return nil, nil
			} else {
				value = one
			}
		}
	}
	if value == nil {
		return nil, nil
	}
	sort.Strings(unfilled)
	return value, unfilled
}

// agreed are the facts by "Type.field" where all packages agree, and by
// "package.Type.field" where they do not. Packages whose defaults were not
// looked at have those of the others.
func (f *facts) agreed() map[string]fact {
	result := map[string]fact{}
	for key, homes := range f.fields {
		different, sorts := map[string]fact{}, map[string]bool{}
		for home, known := range homes {
			sorts[known.Sort] = true
			if values, ok := f.values[home+"."+key]; ok {
				known.Default, known.Unfilled = values.filled()
				different[fmt.Sprint(known.Default, known.Unfilled)] = known
			}
			homes[home] = known
		}
		agree := len(sorts) == 1 && len(different) <= 1
		for home, known := range homes {
			name := home + "." + key
			if agree {
				name = key
				for _, shared := range different {
					known = shared
				}
			}
			if known.Sort == pointerString || known.Sort == valueScalar || known.Default != nil {
				result[name] = known
			}
		}
	}
	return result
}
