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
	found := &facts{seen: map[reflect.Type]bool{}, fields: map[string]map[string]fact{}}
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

// A fact is about one field of one type. A default that depends on other fields
// has several values, and is none; the server chooses the value all the same.
type fact struct {
	Sort    string `json:"sort"`
	Chosen  bool   `json:"chosen,omitempty"`
	Default any    `json:"default,omitempty"`
	several bool
}

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
		f.addDefaults(scheme, byName[name])
	}
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
		if filled := scalarOf(value.Field(i)); filled != nil && name != "" && field.Name != "Image" {
			for _, owner := range owners {
				f.setDefault(owner, name, filled)
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

func (f *facts) setDefault(t reflect.Type, name string, value any) {
	key, home := t.Name()+"."+name, ownPackage(t.PkgPath())
	known, ok := f.fields[key][home]
	if !ok {
		return
	}
	known.several = known.several || (known.Default != nil && known.Default != value)
	known.Chosen = known.Sort == otherValue || known.Sort == valueScalar
	known.Default = value
	f.fields[key][home] = known
}

// agreed are the facts by "Type.field" where all packages agree, and by
// "package.Type.field" where they do not.
func (f *facts) agreed() map[string]fact {
	result := map[string]fact{}
	for key, homes := range f.fields {
		different := map[fact]bool{}
		for home, known := range homes {
			if known.several {
				known.Default = nil
			}
			known.several = false
			homes[home] = known
			different[known] = true
		}
		for home, known := range homes {
			name := key
			if len(different) > 1 {
				name = home + "." + key
			}
			if known.Sort == pointerString || known.Sort == valueScalar || known.Chosen || known.Default != nil {
				result[name] = known
			}
		}
	}
	return result
}
