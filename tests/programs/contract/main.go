// Prints, one JSON value a line, messages of the contract as its own Go types give them: their JSON,
// and their bytes on the wire. tests/core/wire/test_as_go.py says how that is kept and compared.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v3/pkg/apiclient/account"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/applicationset"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/certificate"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/cluster"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/gpgkey"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/notification"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/project"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/repocreds"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/repository"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/session"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/settings"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/version"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// message is what the contract's generated types can do.
type message interface{ Marshal() ([]byte, error) }

// fill says how much of a message is there.
type fill int

const (
	nothing fill = iota
	zeros        // pointers are set, to what is nothing
	all
)

func main() {
	types := map[string]reflect.Type{}
	for _, service := range []any{
		(*account.AccountServiceServer)(nil), (*application.ApplicationServiceServer)(nil),
		(*applicationset.ApplicationSetServiceServer)(nil), (*certificate.CertificateServiceServer)(nil),
		(*cluster.ClusterServiceServer)(nil), (*gpgkey.GPGKeyServiceServer)(nil),
		(*notification.NotificationServiceServer)(nil), (*project.ProjectServiceServer)(nil),
		(*repocreds.RepoCredsServiceServer)(nil), (*repository.RepositoryServiceServer)(nil),
		(*session.SessionServiceServer)(nil), (*settings.SettingsServiceServer)(nil),
		(*version.VersionServiceServer)(nil),
	} {
		collect(reflect.TypeOf(service).Elem(), types)
	}
	names := make([]string, 0, len(types))
	for name := range types {
		names = append(names, name)
	}
	sort.Strings(names)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, name := range names {
		for _, much := range []fill{nothing, zeros, all} {
			if err := print(out, name, types[name], much); err != nil {
				fmt.Fprintln(os.Stderr, name, err)
				os.Exit(1)
			}
		}
	}
}

// collect finds the messages of a service's methods and streams.
func collect(service reflect.Type, types map[string]reflect.Type) {
	for i := range service.NumMethod() {
		method := service.Method(i).Type
		for _, one := range append(ins(method), outs(method)...) {
			if one.Kind() != reflect.Interface {
				add(one, types)
				continue
			}
			if send, ok := one.MethodByName("Send"); ok {
				add(send.Type.In(0), types)
			}
			if receive, ok := one.MethodByName("Recv"); ok {
				add(receive.Type.Out(0), types)
			}
		}
	}
}

func ins(method reflect.Type) (found []reflect.Type) {
	for i := range method.NumIn() {
		found = append(found, method.In(i))
	}
	return found
}

func outs(method reflect.Type) (found []reflect.Type) {
	for i := range method.NumOut() {
		found = append(found, method.Out(i))
	}
	return found
}

func add(one reflect.Type, types map[string]reflect.Type) {
	if one.Kind() != reflect.Pointer || !one.Implements(reflect.TypeFor[message]()) {
		return
	}
	if name := full(one.Elem()); !strings.HasSuffix(name, "Wrapper") { // JSON has no word for its parts
		types[name] = one.Elem()
	}
}

// packages that are not named as the last part of their path is.
var packages = map[string]string{
	"github.com/argoproj/argo-cd/v3/reposerver/apiclient":          "repository",
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/settings":        "cluster",
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1": "github.com.argoproj.argo_cd.v3.pkg.apis.application.v1alpha1",
}

func full(one reflect.Type) string {
	if name, ok := packages[one.PkgPath()]; ok {
		return name + "." + one.Name()
	}
	return one.PkgPath()[strings.LastIndex(one.PkgPath(), "/")+1:] + "." + one.Name()
}

func print(out *json.Encoder, name string, one reflect.Type, much fill) error {
	value := reflect.New(one)
	set(value.Elem(), much, 0)
	wire, err := value.Interface().(message).Marshal()
	if err != nil {
		if much != all {
			return nil // something is required
		}
		return err
	}
	said, err := json.Marshal(value.Interface())
	if err != nil {
		return err
	}
	return out.Encode(map[string]any{"message": name, "json": json.RawMessage(said), "wire": wire})
}

// left out: what the types have beside the contract, and what is not a field of it.
var left = map[string]bool{
	"ApplicationQuery.Names": true, "ApplicationSetGenerator.Oci": true,
	"ApplicationSetNestedGenerator.Oci": true, "Cluster.ConfigHash": true,
	"NodeSystemInfo.RunningInUserNamespace": true,
}

var timed = map[reflect.Type]bool{
	reflect.TypeFor[metav1.Time](): true, reflect.TypeFor[metav1.MicroTime](): true,
}

// set fills a value. Numbers and texts differ by how deep they stand.
func set(value reflect.Value, much fill, depth int) {
	if much == nothing || known(value, much) {
		return
	}
	switch value.Kind() {
	case reflect.Pointer:
		if timed[value.Type().Elem()] && much == zeros {
			return // nobody points to no time
		}
		value.Set(reflect.New(value.Type().Elem()))
		set(value.Elem(), much, depth)
	case reflect.Struct:
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if skipped(value.Type(), field) {
				continue
			}
			set(value.Field(i), much, depth+1)
		}
	case reflect.Slice:
		if much == all {
			size := 1
			if depth < 4 {
				size = 2 // what stands deeper would be there too often
			}
			value.Set(reflect.MakeSlice(value.Type(), size, size))
			for i := range size {
				set(value.Index(i), much, depth)
			}
		}
	case reflect.Map:
		if much == all {
			value.Set(reflect.MakeMap(value.Type()))
			item := reflect.New(value.Type().Elem()).Elem()
			set(item, much, depth)
			value.SetMapIndex(reflect.ValueOf("a key").Convert(value.Type().Key()), item)
		}
	default:
		scalar(value, much, depth)
	}
}

func skipped(one reflect.Type, field reflect.StructField) bool {
	tag := field.Tag.Get("protobuf")
	return field.Type.Kind() == reflect.Interface || tag == "" || tag == "-" || field.Tag.Get("json") == "-" && one.Name() != "Time" ||
		left[one.Name()+"."+field.Name] || strings.HasPrefix(field.Name, "XXX_")
}

func scalar(value reflect.Value, much fill, depth int) {
	if much != all {
		return
	}
	switch value.Kind() {
	case reflect.String:
		value.SetString(fmt.Sprintf("<té%dxt & \"%s\">", depth, strings.Repeat("x", 400/(1+depth*depth*depth))))
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int64:
		value.SetInt(-1 << (5 * depth))
	case reflect.Int32:
		value.SetInt(int64(300 * depth))
	case reflect.Uint8:
		value.SetUint(uint64(250 - depth))
	}
}

// known are types of Kubernetes that have a JSON of their own.
func known(value reflect.Value, much fill) bool {
	moment := time.Date(2026, 2, 3, 4, 5, 6, 123456000, time.UTC)
	switch at := value.Addr().Interface().(type) {
	case *metav1.Time:
		if much == all {
			at.Time = moment.Truncate(time.Second)
		}
	case *metav1.MicroTime:
		if much == all {
			at.Time = moment
		}
	case *metav1.FieldsV1:
		at.Raw = []byte(`{"f:spec":{}}`)
	case *runtime.RawExtension:
		at.Raw = []byte(`{"a":[1,"two",null]}`)
	case *apiextensions.JSON:
		at.Raw = []byte(`{"b":{"c":true}}`)
	case *intstr.IntOrString:
		*at = intstr.FromString("25%")
		if much == zeros {
			*at = intstr.FromInt32(7)
		}
	default:
		return false
	}
	return true
}
